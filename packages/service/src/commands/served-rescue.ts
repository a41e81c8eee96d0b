// What one pipeline of `weir serve` does about records that no worker survives, from its settings: when it is careful, how
// guilty records are looked for, and what is told of both. Called by served-pipelines.ts.

import type { Engine, EngineOptions, FailedBatch } from '@weir/engine'

import { chosen } from '../config/schema.ts'
import type { PipelineSettings } from '../config/schema.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { Caution } from '../pipeline/caution.ts'
import type { CautionState } from '../pipeline/caution.ts'
import { deadlines } from '../pipeline/deadlines.ts'
import type { PipelineParts, Rescued } from '../pipeline/pipeline.ts'
import type { RulesControl } from '../pipeline/rules-control.ts'
import { Suspects } from '../pipeline/suspects.ts'
import { openTrials } from '../pipeline/trials.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { StructuredLog } from '../structured-log.ts'
import { steadyClock } from '../time.ts'

/** What a rescue is made of. */
export interface RescueParts {
  readonly settings: PipelineSettings
  /** Where it is noted how the process ends; absent: nowhere. */
  readonly notesFolder: string | undefined
  readonly rules: RulesControl
  readonly engine: Engine
  /** What messages call the source. */
  readonly source: string
  /** Of the engine, but for its rules. */
  readonly engineOptions: Omit<EngineOptions, 'rules'>
  /** Routes whose records go somewhere. */
  readonly routes: readonly string[]
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
}

/** *Order of calls*: `open()` when the folder of the notes is this process's own, `close()` when nothing runs. */
export class Rescue {
  private readonly parts: RescueParts
  private readonly caution: Caution
  private readonly suspects: Suspects
  private isCareful = false

  constructor(parts: RescueParts) {
    const { rules, engine, source, engineOptions, routes, log, notesFolder: folder } = parts
    this.parts = parts
    this.caution = new Caution({
      ...(folder === undefined ? {} : { folder }),
      clock: Date.now,
      steady: steadyClock,
      onState: (state) => this.tell(state),
      onProblem: (error) => log.warn('The note on how this process ends cannot be kept.', { error }),
    })
    const options = { ...engineOptions, kernel: engine.kernel.name }
    this.suspects = new Suspects({
      source,
      openTrials: () =>
        openTrials({ engine: { ...options, rules: rules.source }, routes, deadlineMs: deadlines.trialMs }),
      keepsTrials: () => this.caution.isCareful,
      onDeath: () => this.caution.trialDied(),
    })
  }

  open(): void {
    this.caution.open()
  }

  /** What the pipeline does with batches that the engine does not judge. */
  get hooks(): Required<Pick<PipelineParts, 'rescue' | 'judgeApart' | 'onLeftOut'>> {
    return {
      rescue: (failed, batch) => this.rescue(failed, batch),
      judgeApart: () => {
        this.look()
        return this.caution.isCareful
      },
      onLeftOut: (letters) => this.leaveOut(letters),
    }
  }

  /** Has the next process know of workers that hang. Returns how many do. */
  look(): number {
    const { workersHung } = this.parts.engine.stats()
    this.caution.workersHang(workersHung)
    return workersHung
  }

  /** Whether the pipeline is careful, and why. */
  status(): object {
    this.look()
    // Asked first, since it notices when the time is over.
    const { isCareful } = this.caution
    const { reason, untilMs, deaths } = this.caution.state
    const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }
    return { isCareful, ...(reason === undefined ? {} : { reason }), ...until, deaths }
  }

  close(): void {
    this.look()
    this.suspects.close()
    this.caution.close()
  }

  private async rescue(failed: FailedBatch, batch?: string): Promise<Rescued> {
    const { log } = this.parts
    const about = { batch, version: failed.version }
    this.look()
    if (failed.error !== undefined) {
      log.warn('A batch cannot be evaluated; the records that are to blame are looked for.', {
        ...about,
        error: failed.error,
      })
    }
    const rescued = await this.suspects.rescue(failed)
    const records = rescued.letters.length
    if (records > 0 && keepsLetters(this.parts.settings)) {
      log.error('Records that no worker survives are set aside.', { ...about, records })
    }
    return rescued
  }

  private leaveOut(letters: readonly DeadLetter[]): void {
    const { metrics, log } = this.parts
    for (const { reason, records } of letters) metrics.leftOut(reason, records)
    const records = letters.reduce((sum, letter) => sum + letter.records, 0)
    log.error('Records that no worker survives are left out, since there are no dead letters.', { records })
  }

  private tell({ isCareful, reason, deaths }: CautionState): void {
    const { metrics, log } = this.parts
    metrics.careful(isCareful, deaths)
    if (isCareful) {
      log.warn('Batches are judged in a process of its own, for a record may end this one.', { reason, deaths })
    } else if (this.isCareful) {
      log.info('Batches are judged in this process again.', {})
      this.suspects.release()
    } else if (deaths > 0) log.warn('The process before this one did not end in order.', { deaths })
    this.isCareful = isCareful
  }
}

function keepsLetters({ deadLetter }: PipelineSettings): boolean {
  return deadLetter !== undefined && chosen(deadLetter).kind !== 'discard'
}
