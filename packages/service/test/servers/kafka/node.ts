// One node of Kafka, broker and controller in one process: started, stopped, killed, and started again on the same folder and
// ports. What its settings say is broker.ts's.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { whileStopped } from '../../stopped-process.ts'
import { askVersions } from './asking.ts'
import { endProcess } from '../ending.ts'
import type { Programs } from './programs.ts'

/** The same for all clusters: each has ports of its own. */
const clusterId = 'AAAAAAAAAAAAAAAAAAAAAA'
const startedLine = 'Kafka Server started'
/** On a loaded machine a start takes twenty seconds, and an end in order several. */
const startWithinMs = 120_000
const stopWithinMs = 120_000
const shownLogCharacters = 4000

/** What makes a node. */
export interface NodeOptions {
  readonly programs: Programs
  /** Of its settings, data and log. */
  readonly folder: string
  /** Of what it stores; by default within `folder`. */
  readonly data?: string
  /** On 127.0.0.1, where it answers everybody without credentials. */
  readonly port: number
  readonly settings: Readonly<Record<string, string | number>>
  /** What `kafka-storage format` is told besides, such as users. */
  readonly formatArgs?: readonly string[]
  /** Java's own. */
  readonly javaOptions?: readonly string[]
}

/** A node, which runs after `start()`. Its process ends with this one, however this one ends. */
export class KafkaNode {
  readonly logPath: string
  private readonly options: NodeOptions
  private child: ChildProcess | undefined

  constructor(options: NodeOptions) {
    this.options = options
    this.logPath = path.join(options.folder, 'node.log')
  }

  /** Of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Starts it, on what it stored before. Resolves when it answers. *Errors*: with the end of its log. */
  async start(): Promise<void> {
    if (this.child !== undefined) throw new Error('The node runs already.')
    const child = spawn('java', this.commandLine(), { stdio: ['pipe', 'pipe', 'pipe'] })
    this.child = child
    child.once('close', () => {
      if (this.child === child) this.child = undefined
    })
    try {
      await started(child, this.logPath)
      await askVersions(this.options.port)
    } catch (error) {
      await endProcess(this.child, 'SIGKILL', stopWithinMs)
      throw new Error(`Kafka did not start: ${(error as Error).message}\n${this.logEnd()}`, { cause: error })
    }
  }

  /** Has it end in order. Resolves with the exit code when it has, at once where it does not run. */
  async stop(): Promise<number | null> {
    return endProcess(this.child, 'SIGTERM', stopWithinMs)
  }

  /** Ends it as a loss of power would, but for what the system still writes. */
  async kill(): Promise<void> {
    await endProcess(this.child, 'SIGKILL', stopWithinMs)
  }

  /** Has it stand still while `work` runs: it answers nothing, and its connections stay. Resolves as `work` does. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    if (this.pid === undefined) throw new Error('The node does not run.')
    return whileStopped([this.pid], work)
  }

  /** The end of what it logged, over all its starts. */
  logEnd(): string {
    return existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8').slice(-shownLogCharacters) : ''
  }

  private commandLine(): readonly string[] {
    const { folder, formatArgs = [], javaOptions, programs, settings } = this.options
    const data = this.options.data ?? path.join(folder, 'data')
    const settingsPath = path.join(folder, 'server.properties')
    mkdirSync(data, { recursive: true })
    const lines = Object.entries({ ...settings, 'log.dirs': data }).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(settingsPath, lines.join(''))
    const args = [settingsPath, data, clusterId, ...formatArgs]
    const options = javaOptions ?? [`-XX:SharedArchiveFile=${programs.archive}`]
    return programs.command('weir.KafkaNode', args, ['-Xms64m', '-Xmx256m', ...options])
  }
}

/** Resolves when the process says that it has started. Writes all that it says to the log. */
async function started(child: ChildProcess, logPath: string): Promise<void> {
  const late = new Error(`not within ${startWithinMs / 1000} s`)
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(late), startWithinMs)
    const settle = (settling: () => void) => () => {
      clearTimeout(timer)
      settling()
    }
    let text = ''
    let isStarted = false
    const take = (chunk: Buffer) => {
      appendFileSync(logPath, chunk)
      if (isStarted) return
      text += chunk.toString()
      isStarted = text.includes(startedLine)
      if (isStarted) settle(resolve)()
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    child.once('error', (error) => settle(() => reject(error))())
    child.once('close', (code, signal) => settle(() => reject(new Error(`it ended with ${signal ?? code}`)))())
  })
}
