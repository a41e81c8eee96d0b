// `weir serve` in a process of its own, on loopback and with settings of its own: started, asked, killed, and started
// again on the same folder. Called by faults.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'

import { binary } from '../running.js'
import { eventually } from './fault.js'
import type { FaultContext } from './fault.js'
import { routes, rulesText } from './ledger.js'

/** How a service is set up. Members of settings are YAML in braces, without the braces. */
export interface ServedOptions {
  /** Further settings of the source. */
  readonly http?: string
  /** Further settings of the pipeline. */
  readonly pipeline?: string
  /** Further settings of every output. */
  readonly directory?: string
  readonly compression?: 'none' | 'gzip'
  /** Where outputs lie, instead of in the folder of the settings. */
  readonly outputs?: string
  readonly rules?: string
}

/** How one process is started. */
export interface StartOptions {
  /** Modules of this folder that the process loads before anything else. */
  readonly preloads?: readonly ('poison' | 'dying' | 'short-deadlines' | 'short-journals' | 'harmed-clients')[]
  readonly environment?: Readonly<Record<string, string>>
  /** Pipelines of the settings; absent: all. */
  readonly only?: readonly string[]
  /** Options of Node, for all its threads. */
  readonly nodeOptions?: readonly string[]
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** An answer of a port. */
export interface PortAnswer {
  readonly status: number
  readonly text: string
}

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string }

/** The service. *Order of calls*: `openService()`, then `start()` and `end()` or `kill()` as often as wanted. */
export class Served {
  readonly folder: string
  readonly outputs: string
  readonly log: LogLine[] = []
  /** What the process wrote that is no line of the log. */
  readonly noise: string[] = []
  private child: ChildProcess | undefined
  private ending: Promise<Ending> | undefined
  private ports: { readonly ingest: string; readonly admin: string } | undefined

  /** Made by `openService`. */
  constructor(folder: string, outputs: string) {
    this.folder = folder
    this.outputs = outputs
  }

  /** The process's number. */
  get pid(): number {
    return this.child!.pid!
  }

  /** Whether a process runs and listens. */
  get isUp(): boolean {
    return this.ports !== undefined
  }

  /** Where records are posted to. Throws while nothing listens. */
  get ingest(): URL {
    return new URL(this.ports!.ingest)
  }

  /** The address of the admin port. Throws while nothing listens. */
  get admin(): string {
    return this.ports!.admin
  }

  /** Starts a process. Resolves when it listens, with undefined; or when it ended before, with how. */
  async start(options: StartOptions = {}): Promise<Ending | undefined> {
    const { preloads = [], environment = {}, only = [], nodeOptions = [] } = options
    const imports = preloads.map((name) => `--import=${new URL(`./${name}.js`, import.meta.url).href}`)
    // Whatever the tests run under is none of its business.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(WEIR_|NODE_)/.test(name))
    const env = {
      ...Object.fromEntries(inherited),
      ...environment,
      NODE_OPTIONS: [...imports, ...nodeOptions].join(' '),
    }
    const args = [binary, 'serve', '--config', path.join(this.folder, 'weir.yaml')]
    if (only.length > 0) args.push('--only', ...only)
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    this.child = child
    this.ending = once(child, 'exit').then(([code, signal]): Ending => {
      this.ports = undefined
      return { code, signal }
    })
    const listening = this.follow(child)
    return Promise.race([this.ending, listening.then(() => undefined)])
  }

  /** Sends a signal; resolves with how the process ended. */
  async end(signal: NodeJS.Signals): Promise<Ending> {
    this.child?.kill(signal)
    return this.ended()
  }

  /** Resolves when the process has ended. */
  async ended(): Promise<Ending> {
    return (await this.ending) ?? { code: null, signal: null }
  }

  /** Resolves when a process listens. */
  async up(): Promise<void> {
    await eventually('the service listens', () => this.isUp)
  }

  /** Asks the admin port. */
  ask(target: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<PortAnswer> {
    return request(`${this.admin}${target}`, body, headers)
  }

  private follow(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      let rest = ''
      let ingest: string | undefined
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines.map((each) => this.take(each))) {
          if (line?.msg === 'The source is open.') ingest = String(line['source'])
          if (line?.msg !== 'The admin port is open.' || ingest === undefined) continue
          this.ports = { ingest, admin: String(line['address']) }
          resolve()
        }
      })
    })
  }

  private take(text: string): LogLine | undefined {
    try {
      const line = JSON.parse(text) as LogLine
      this.log.push(line)
      return line
    } catch {
      this.noise.push(text)
      return undefined
    }
  }
}

/** Writes settings and rules. The process that runs at the end of the run is killed. */
export async function openService(context: FaultContext, options: ServedOptions = {}): Promise<Served> {
  const { folder, random } = context
  const { outputs = path.join(folder, 'out'), rules = rulesText } = options
  const compression = options.compression ?? random.pick(['none', 'gzip'] as const)
  const directory = (name: string) => {
    const more = options.directory === undefined ? '' : `, ${options.directory}`
    return `{ directory: { path: ${JSON.stringify(path.join(outputs, name))}, compression: ${compression}${more} } }`
  }
  const settings = [
    'pipelines:',
    '  faults:',
    `    source: { http: { listen: "127.0.0.1:0"${options.http === undefined ? '' : `, ${options.http}`} } }`,
    '    rules: rules.yaml',
    '    threads: 1',
    ...(options.pipeline === undefined ? [] : [`    ${options.pipeline}`]),
    '    routes:',
    ...routes.map((name) => `      ${name}: ${directory(name)}`),
    `    deadLetter: ${directory('dead-letter')}`,
    'admin: { listen: "127.0.0.1:0" }',
    'log: { format: json, level: debug }',
    '',
  ]
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'weir.yaml'), settings.join('\n'))
  await writeFile(path.join(folder, 'rules.yaml'), rules)
  const served = new Served(folder, outputs)
  context.after(async () => {
    await served.end('SIGKILL')
  })
  return served
}

/** Sends a request on a connection of its own. *Errors*: those of the connection. */
export function request(
  url: string,
  body?: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<PortAnswer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = http.request(url, { method, agent: false, headers: { ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
