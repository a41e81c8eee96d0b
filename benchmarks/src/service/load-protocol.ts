// What the load maker is asked and what it answers: plain data that crosses to its process. Also the
// side of the process that asks. Called by the cases; load.ts is the other process.

import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Encoding, Target } from './connection.ts'

/** The bodies of a closed loop: the lines of a file. Made once, before anything is timed. */
export interface FileBodies {
  readonly kind: 'file'
  readonly path: string
  readonly bodyBytes: number
  readonly encoding: Encoding
}

/** Posts all bodies that were made before; each connection posts its next one when the last is answered. */
export interface ClosedJob {
  readonly kind: 'closed'
  readonly target: Target
  readonly connections: number
}

/** Posts bodies of numbered records at fixed times, whatever becomes of them. */
export interface OpenJob {
  readonly kind: 'open'
  readonly target: Target
  readonly bodiesPerSecond: number
  readonly recordsPerBody: number
  readonly seconds: number
  /** Connections at most; a body that finds none waits, and its time counts from when it was due. */
  readonly connections: number
  /** Number of the first record. */
  readonly firstId: number
  /** A file of records that are numbered, as sampled-bodies.ts does; by default those of bodies.ts. */
  readonly samples?: string
}

/** Opens connections that each send a byte of a body now and then, and posts one whole body beside them. */
export interface SlowJob {
  readonly kind: 'slow'
  readonly target: Target
  readonly connections: number
  readonly seconds: number
}

/** Posts the same body over so many connections at once. */
export interface BurstJob {
  readonly kind: 'burst'
  readonly target: Target
  readonly connections: number
  readonly body: BurstBody
}

/** `zeros`: as many zeros, gzipped. `records`: numbered records. */
export interface BurstBody {
  readonly of: 'zeros' | 'records'
  readonly bytes: number
}

/** Anything that can be asked. */
export type Job = FileBodies | ClosedJob | OpenJob | SlowJob | BurstJob

/** How often each status was answered; 0 for no answer. */
export type Statuses = Readonly<Record<number, number>>

/** What came of a job. */
export interface LoadResult {
  readonly seconds: number
  readonly posts: number
  /** Bytes of all bodies that were posted, before compression and as they travelled. */
  readonly bytes: number
  readonly sentBytes: number
  readonly statuses: Statuses
  /** Of jobs with a rate, in the order in which they were due: milliseconds from then to the answer, and its status. */
  readonly latenciesMs: readonly number[]
  readonly answers: readonly number[]
  /** Connections that were open at once. */
  readonly connections: number
  /** Processor time of the load maker in seconds, which the server did not have. */
  readonly cpuSeconds: number
}

/** Whether every answer was 200. */
export function areAllOk(statuses: Statuses): boolean {
  return Object.keys(statuses).every((status) => status === '200')
}

interface Reply {
  readonly result?: LoadResult
  readonly error?: string
}

/** The process that makes the load. */
export class LoadMaker {
  private readonly child: ChildProcess

  constructor() {
    const script = fileURLToPath(new URL('./load.js', import.meta.url))
    // Numbers by the million come back.
    this.child = fork(script, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  }

  /** Has a job done; one at a time. *Errors*: of the load maker, with its message. */
  run(job: Job): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('The load maker has ended.'))
      this.child.once('exit', ended)
      this.child.once('message', (reply: Reply) => {
        this.child.off('exit', ended)
        if (reply.result === undefined) reject(new Error(reply.error))
        else resolve(reply.result)
      })
      this.child.send(job)
    })
  }

  close(): void {
    this.child.kill()
  }
}
