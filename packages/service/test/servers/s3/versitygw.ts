// A real object store for tests, versitygw: on a folder and a port of its own, started, stopped, killed, paused and started
// again, gone when the test is over or its process is. How it is built is install.ts's, what is in it reader.ts's.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, before } from 'node:test'

import { takePorts } from '../ports.ts'
import { endProcess } from '../ending.ts'
import type { Owner } from '../kafka/broker.ts'
import { s3Program } from './install.ts'
import { makeBucket } from './reader.ts'
import { testKeys } from './server.ts'
import type { RunningStore } from './server.ts'

/** On a quiet machine a start takes a tenth of a second. */
const startWithinMs = 60_000
const stopWithinMs = 60_000
const betweenAsksMs = 20
const shownLogCharacters = 4000

/** What a store should be like. */
export interface StoreServerOptions {
  /** Made when it has started. Default: `logs`. */
  readonly buckets?: readonly string[]
  readonly region?: string
  /** The folder in which it gets a folder of its own; by default the system's for what passes. */
  readonly under?: string
  /** The folder of its objects; by default one beside its log. Not removed. */
  readonly data?: string
  /** Whether connections are kept for the next call, as most stores do; by itself this one hangs up. */
  readonly keepsConnections?: boolean
}

/** A store that runs, until its owner is done. Its process ends with this one, however this one ends. */
export class Versitygw implements RunningStore {
  readonly endpoint: string
  readonly region: string
  readonly accessKey = testKeys.accessKey
  readonly secretKey = testKeys.secretKey
  /** One folder for each bucket, in which objects lie as files by their keys. */
  readonly data: string
  readonly #program: string
  readonly #keepsConnections: boolean
  readonly #logPath: string
  #child: ChildProcess | undefined

  /** Made by `startVersitygw`. */
  constructor(place: {
    program: string
    folder: string
    data: string
    port: number
    region: string
    keepsConnections: boolean
  }) {
    this.endpoint = `http://127.0.0.1:${place.port}`
    this.region = place.region
    this.data = place.data
    this.#program = place.program
    this.#keepsConnections = place.keepsConnections
    this.#logPath = path.join(place.folder, 'store.log')
  }

  /** Of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it, with the objects that it has. Resolves when it answers. *Errors*: with the end of its log. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error('The store runs already.')
    const { host } = new URL(this.endpoint)
    const keeping = this.#keepsConnections ? ['--keep-alive'] : []
    const about = ['--port', host, '--region', this.region, '--health', '/health', ...keeping]
    const args = [...about, '--quiet', 'posix', this.data]
    const [command, ...before] = dyingWithParent()
    const env = { ...process.env, ROOT_ACCESS_KEY: this.accessKey, ROOT_SECRET_KEY: this.secretKey }
    const line = command === undefined ? [this.#program, ...args] : [command, ...before, this.#program, ...args]
    const child = spawn(line[0]!, line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => appendFileSync(this.#logPath, chunk))
    child.stderr.on('data', (chunk: Buffer) => appendFileSync(this.#logPath, chunk))
    child.once('close', () => {
      if (this.#child === child) this.#child = undefined
    })
    try {
      await this.#answering(child)
    } catch (error) {
      await endProcess(this.#child, 'SIGKILL', stopWithinMs)
      throw new Error(`The store did not start: ${(error as Error).message}\n${this.logEnd()}`, { cause: error })
    }
  }

  /** Has it end in order. Resolves with the exit code when it has, at once where it does not run. */
  async stop(): Promise<number | null> {
    return endProcess(this.#child, 'SIGTERM', stopWithinMs)
  }

  /** Ends it as a loss of power would, but for what the system still writes. */
  async kill(): Promise<void> {
    await endProcess(this.#child, 'SIGKILL', stopWithinMs)
  }

  /** The end of what it logged, over all its starts. */
  logEnd(): string {
    return existsSync(this.#logPath) ? readFileSync(this.#logPath, 'utf8').slice(-shownLogCharacters) : ''
  }

  async #answering(child: ChildProcess): Promise<void> {
    let ended: string | undefined
    child.once('error', (error) => (ended = error.message))
    child.once('close', (code, signal) => (ended ??= `it ended with ${signal ?? code}`))
    const until = performance.now() + startWithinMs
    while (performance.now() < until) {
      if (ended !== undefined) throw new Error(ended)
      const isThere = await fetch(`${this.endpoint}/health`).then(
        ({ ok, body }) => body?.cancel().then(() => ok) ?? ok,
        () => false,
      )
      if (isThere) return
      await new Promise((resolve) => setTimeout(resolve, betweenAsksMs))
    }
    throw new Error(`not within ${startWithinMs / 1000} s`)
  }
}

/** Starts a store and resolves when it answers and has its buckets. It is ended, and what it stored removed, with its owner. */
export async function startVersitygw(owner: Owner, options: StoreServerOptions = {}): Promise<Versitygw> {
  const { buckets = ['logs'], region = testKeys.region, under = os.tmpdir(), keepsConnections = false } = options
  const program = await s3Program()
  const folder = await mkdtemp(path.join(under, 'weir-s3-'))
  const block = await takePorts(1)
  const data = options.data ?? path.join(folder, 'data')
  mkdirSync(data, { recursive: true })
  const store = new Versitygw({ program, folder, data, port: block.ports[0]!, region, keepsConnections })
  owner.after(async () => {
    if (owner.passed === false) owner.diagnostic?.(`store: ${store.logEnd()}`)
    await store.kill()
    block.release()
    await rm(folder, { recursive: true, force: true })
  })
  await store.start()
  for (const bucket of buckets) await makeBucket(store, bucket)
  return store
}

/**
 * Has one store run during all tests of a file, unless they are skipped. The returned function gives it, within tests. Where a
 * test fails, the end of the log is told. Prefixes, or buckets, need names of their own in each test.
 */
export function useVersitygw(skip: string | false, options: StoreServerOptions = {}): () => Versitygw {
  let store: Versitygw | undefined
  const cleanings: (() => Promise<void>)[] = []
  if (skip === false) {
    before(async () => {
      store = await startVersitygw({ after: (clean) => cleanings.push(clean) }, options)
    })
    afterEach((t) => {
      if ('diagnostic' in t && 'passed' in t && t.passed === false) t.diagnostic(store?.logEnd() ?? '')
    })
    after(async () => {
      for (const clean of cleanings) await clean()
    })
  }
  return () => {
    if (store === undefined) throw new Error('The store is there within tests only.')
    return store
  }
}

/** Returns what has to stand before a command for it to end with its parent; nothing where the system has no such thing. */
function dyingWithParent(): readonly string[] {
  const isThere = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0
  return isThere ? ['setpriv', '--pdeathsig', 'KILL'] : []
}
