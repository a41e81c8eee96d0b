// Trials of records in a process of their own, which is started when it is first needed and after each trial that it did
// not survive. Called by commands, which hand it to suspects.ts.

import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

import type { EngineOptions } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { TrialOutcome, Trials } from './suspects.ts'
import type { TrialAnswer, TrialRequest } from './trial-process.ts'

/** What trials are held with. */
export interface TrialOptions {
  /** Of the engine that failed, with the rules in force; one thread is enough. */
  readonly engine: EngineOptions
  /** Routes whose records are wanted. */
  readonly routes: readonly string[]
  /**
   * Time in milliseconds that a trial of `deadlineBytes` may take before its records count as guilty of a hang; more bytes have
   * as many, and the portable kernel `portableFactor` times as much.
   */
  readonly deadlineMs: number
}

/** Bytes that one deadline is for. */
const deadlineBytes = 2 << 20
/** A hasty trial has this part of the time. */
const hastyPart = 1 / 4
/** So much slower is the portable kernel, about, on as many rules as are usual. */
const portableFactor = 10

/** Time in milliseconds for the process to start and to compile the rules. */
const startDeadlineMs = 60_000

/** Why no answer came. */
type Loss = 'died' | 'hung'

/** Opens trials; nothing is started yet. */
export function openTrials(options: TrialOptions): Trials {
  return new ProcessTrials(options)
}

class ProcessTrials implements Trials {
  private readonly options: TrialOptions
  private child: ChildProcess | undefined
  private isClosed = false

  constructor(options: TrialOptions) {
    this.options = options
  }

  async run(bytes: Uint8Array, isHasty: boolean): Promise<TrialOutcome> {
    const child = await this.ready()
    const deadlineMs = this.deadlineFor(bytes.length, isHasty)
    const answer = await this.ask(child, { kind: 'try', bytes }, deadlineMs)
    if (this.isClosed) throw closedError()
    if (answer === 'died') return guilty('The process that tried this record alone died.')
    if (answer === 'hung') return guilty(`The record alone took longer than ${deadlineMs} ms.`)
    if (answer.kind === 'judged') return answer
    if (answer.kind === 'ready') throw new Error('A trial was answered out of turn.')
    const reason = answer.code === 'ERR_ENGINE_KERNEL_FAULT' ? 'matcher_fault' : 'worker_crash'
    return { kind: 'guilty', reason, message: answer.message }
  }

  close(): void {
    this.isClosed = true
    this.endChild()
  }

  private endChild(): void {
    this.child?.kill('SIGKILL')
    this.child = undefined
  }

  private deadlineFor(bytes: number, isHasty: boolean): number {
    const { deadlineMs, engine } = this.options
    const factor = (isHasty ? hastyPart : 1) * (engine.kernel === 'portable' ? portableFactor : 1)
    return deadlineMs * factor * Math.max(1, Math.ceil(bytes / deadlineBytes))
  }

  private async ready(): Promise<ChildProcess> {
    // One that ended while it had nothing to do is no record's fault.
    if (this.child !== undefined && hasEnded(this.child)) this.endChild()
    if (this.isClosed) throw closedError()
    if (this.child !== undefined) return this.child
    const child = fork(new URL('./trial-process.js', import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    // Whatever happens to it is seen by who asked.
    child.on('error', () => undefined)
    this.child = child
    const { engine, routes } = this.options
    const answer = await this.ask(child, { kind: 'open', engine: { ...engine, threads: 1 }, routes }, startDeadlineMs)
    if (typeof answer === 'object' && answer.kind === 'ready') return child
    this.endChild()
    if (this.isClosed) throw closedError()
    const why = typeof answer === 'string' ? `It ${answer}.` : answer.kind === 'failed' ? answer.message : ''
    throw new ConnectorError('ERR_CONNECTOR_TRIAL', `A process to try records in could not start: ${why}`, {
      retryable: true,
    })
  }

  /** Sends one request and waits for its answer; a process that gives none is ended. */
  private ask(child: ChildProcess, request: TrialRequest, deadlineMs: number): Promise<TrialAnswer | Loss> {
    return new Promise((resolve) => {
      const settle = (answer: TrialAnswer | Loss) => {
        isSettled = true
        clearTimeout(deadline)
        child.off('message', onMessage).off('exit', onExit)
        if (typeof answer === 'string') this.endChild()
        resolve(answer)
      }
      const onMessage = (answer: unknown) => settle(answer as TrialAnswer)
      const onExit = () => settle('died')
      let isSettled = false
      const giveUp = () => isSettled || settle('hung')
      // Timers run before what has come meanwhile: where this process stood still, the answer may be there, and is heard first.
      const deadline = setTimeout(() => setImmediate(giveUp), deadlineMs)
      child.on('message', onMessage).on('exit', onExit)
      if (hasEnded(child)) return settle('died')
      // A process that died meanwhile is told by its exit.
      child.send(request, () => undefined)
    })
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function closedError(): ConnectorError {
  return new ConnectorError('ERR_CONNECTOR_TRIAL', 'Records are no longer tried, for the pipeline is ending.')
}

function guilty(message: string): TrialOutcome {
  return { kind: 'guilty', reason: 'worker_crash', message }
}
