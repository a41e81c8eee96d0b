// Runs `weir serve` in a process of its own, on ports that the system chooses: what it logs says where it listens. Called
// by the tests beside it.

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'

import { finished, folder, startWeir } from '../running.js'
import type { Finished } from '../running.js'

/** One event of the log. */
export type Logged = Readonly<Record<string, unknown>>

/** A service, as those outside of it see it. */
export class Serving {
  readonly directory: string
  readonly child: ChildProcessWithoutNullStreams
  /** What the process leaves at its end. */
  readonly finished: Promise<Finished>
  /** Events of the log so far. */
  readonly log: Logged[] = []
  private readonly waiting = new Set<() => void>()
  private rest = ''
  private isOver = false

  constructor(directory: string, child: ChildProcessWithoutNullStreams) {
    this.directory = directory
    this.child = child
    child.stdin.on('error', () => undefined)
    child.stderr.on('data', (bytes: Buffer) => this.take(bytes.toString()))
    this.finished = finished(child)
    void this.finished.then(() => {
      this.isOver = true
      this.wake()
    })
  }

  /** Resolves with the first event that fits, which may have come before. Rejects when the process ends without it. */
  async logged(message: string, fits: (event: Logged) => boolean = () => true): Promise<Logged> {
    for (;;) {
      const found = this.log.find((event) => event['msg'] === message && fits(event))
      if (found !== undefined) return found
      if (this.isOver) throw new Error(`The service ended without "${message}": ${(await this.finished).stderr}`)
      await new Promise<void>((resolve) => this.waiting.add(resolve))
    }
  }

  /** Resolves when the pipeline takes records, with what its source is called: an address. */
  async source(pipeline = 'one'): Promise<string> {
    const { source } = await this.logged('The source is open.', (event) => event['pipeline'] === pipeline)
    return String(source)
  }

  /** Asks the admin port. */
  async ask(where: string, options: RequestInit = {}): Promise<Response> {
    const { address } = await this.logged('The admin port is open.')
    return fetch(`${String(address)}${where}`, options)
  }

  /** Returns the value of a metric, by its whole name with labels. */
  async metric(name: string): Promise<string | undefined> {
    const text = await (await this.ask('/metrics')).text()
    return text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
  }

  /** Asks for a metric until its value fits. */
  async metricIs(name: string, fits: (value: number) => boolean): Promise<void> {
    while (!fits(Number(await this.metric(name)))) await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Ends it in order. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal)
    return this.finished
  }

  private take(text: string): void {
    const lines = `${this.rest}${text}`.split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line) as Logged)
    this.wake()
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve()
    this.waiting.clear()
  }
}

/** What a service is started with besides its settings. */
export interface ServeOptions {
  /** Files beside the settings. */
  readonly files?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** Default: a new one, which is removed after the test. */
  readonly directory?: string
  /** Variables of its environment besides those of the test. */
  readonly environment?: Readonly<Record<string, string>>
}

/** An http source on a port that the system chooses. */
export const anyPort = "http: { listen: '127.0.0.1:0' }"

/** Settings of one pipeline, to be put behind `pipelines:`. */
export function pipelineText(name: string, source: string, routes: string, more = ''): string {
  return `  ${name}:\n    source: { ${source} }\n    routes: ${routes}\n${more === '' ? '' : `    ${more}\n`}    threads: 1\n`
}

/** Settings with these pipelines, whose admin port the system chooses, and which are logged as JSON. */
export function settingsText(pipelines: readonly string[], more = "admin: { listen: '127.0.0.1:0' }\n"): string {
  return `pipelines:\n${pipelines.join('')}${more}log: { format: json }\n`
}

/** Writes the settings and starts the service, which is killed after the test if it still runs. */
export async function serve(t: TestContext, settings: string, options: ServeOptions = {}): Promise<Serving> {
  const directory = options.directory ?? (await folder(t))
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(path.join(directory, name), text)
  await writeFile(path.join(directory, 'weir.yaml'), settings)
  const args = ['serve', '--config', 'weir.yaml', ...(options.args ?? [])]
  const child = startWeir(args, directory, options.environment)
  const serving = new Serving(directory, child)
  t.after(async () => {
    child.kill('SIGKILL')
    await serving.finished
  })
  return serving
}

/** Posts a body. */
export function post(
  address: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(address, { method: 'POST', body, headers })
}
