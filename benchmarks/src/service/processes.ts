// Processes that are measured: what they have used, by /proc, and how they are started and ended. Called by servers.ts
// and by the cases.

import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** Ticks of the processor time in /proc; the same on every Linux that Node runs on. */
const ticksPerSecond = 100
const kibibyte = 1024

/** Returns the processor time of a process and its threads so far, in seconds, user and system. */
export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name of the program, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Resident memory of a process. */
export interface Resident {
  readonly nowBytes: number
  /** Since its start, or since `forgetPeak`. */
  readonly peakBytes: number
}

/** Returns how much memory of a process is resident. */
export function residentOf(pid: number): Resident {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  const bytes = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(text)?.[1]) * kibibyte
  return { nowBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') }
}

/** Makes the peak of a process begin anew at what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Returns a port on the loopback address that was free just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** A server or a load maker that runs. */
export class Running {
  readonly child: ChildProcess
  private readonly ended: Promise<string>
  private endedBy: string | undefined
  private text = ''

  constructor(program: string, args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    this.child.stderr?.setEncoding('utf8').on('data', (part: string) => (this.text = (this.text + part).slice(-4096)))
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => resolve(error.message))
      this.child.on('close', (code, signal) => resolve(`ended with ${code ?? signal}: ${this.text.trim()}`))
    })
    void this.ended.then((how) => (this.endedBy = how))
  }

  get pid(): number {
    return this.child.pid as number
  }

  /** How it has ended, with its last words; undefined while it runs. */
  get ending(): string | undefined {
    return this.endedBy
  }

  /** The end of what it has said on standard error. */
  get words(): string {
    return this.text.trim()
  }

  /** Waits until `look` says that it is ready. *Errors*: its last words, when it ends before, or is not ready in time. */
  async ready(look: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
    for (const startedMs = performance.now(); ; await pause(20)) {
      if (this.endedBy !== undefined) throw new Error(this.endedBy)
      if (await look().catch(() => false)) return
      if (performance.now() - startedMs > withinMs) throw new Error(`not ready after ${withinMs} ms: ${this.text}`)
    }
  }

  /** Asks it to end, and makes it when it does not. */
  async stop(withinMs = 30_000): Promise<void> {
    if (this.endedBy !== undefined) return
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), withinMs)
    await this.ended
    clearTimeout(timer)
  }
}

/** Those that may run. One that outlives the harness would look for its servers for ever. */
const alive = new Set<Running>()
process.on('exit', () => alive.forEach(({ child }) => child.kill('SIGKILL')))

/** Starts a process that does not outlive this one, however this one ends. */
export function startOwned(program: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const running = new Running(program, args, options)
  alive.add(running)
  running.child.once('close', () => alive.delete(running))
  return running
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
