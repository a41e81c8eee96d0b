// The numbers that Weir wants to reach between topics, beside what was measured. Shown and never asserted. Called by
// report.ts and ../kafka.ts.

import { ratiosByRound, summarize } from '../statistics.ts'
import type { Summary } from '../statistics.ts'
import { digits, withSpread } from '../table.ts'
import type { TargetResult } from '../targets.ts'
import type { KafkaResults } from './report.ts'
import type { ThroughputResult, ThroughputSample } from './throughput.ts'

type Of = (sample: ThroughputSample) => number

/** Processor time for a byte of records, in the timed part. */
export const cpuPerByte: Of = ({ cpuSeconds, bytes }) => cpuSeconds / bytes
/** Bytes of records a second, in the timed part. */
export const speed: Of = ({ seconds, bytes }) => bytes / seconds

/** Returns value ÷ value of two results, round by round; undefined without rounds that both have. */
export function ratioOf(of: Of, result: ThroughputResult, baseline: ThroughputResult): Summary | undefined {
  const values = ({ samples }: ThroughputResult) =>
    samples.map((sample) => ({ round: sample.round, value: of(sample) }))
  const ratios = ratiosByRound(values(result), values(baseline)).filter((ratio) => Number.isFinite(ratio))
  return ratios.length === 0 ? undefined : summarize(ratios)
}

/** Contender, how it is called in a target, and how many times less Weir should take in chunks and in lines. */
const rivals = [
  ['kafka-repaired', 'the original repaired', 5, 1.5],
  ['kafka-streams', 'Kafka Streams', 4, 1.5],
] as const

/** Returns every target whose measurement took part. */
export function judgeKafkaTargets(results: KafkaResults): readonly TargetResult[] {
  return [...judgeRivals(results), ...judgeExactlyOnce(results), ...judgeProcesses(results), ...judgeLoads(results)]
}

function judgeRivals({ throughput = [] }: KafkaResults): TargetResult[] {
  return (['chunks', 'lines'] as const).flatMap((form) => {
    const weir = find(throughput, `${form}-10-1`, 'weir-exactly-once')
    if (weir === undefined) return []
    return rivals.map(([id, name, inChunks, inLines]) => {
      const least = form === 'chunks' ? inChunks : inLines
      const rival = find(throughput, weir.case, id)
      const ratio = rival && ratioOf(cpuPerByte, rival, weir)
      const target = `CPU of ${name} ÷ that of Weir, exactly once ≥ ${least} ×`
      return judged(weir.case, target, ratio, ratio && ratio.median >= least)
    })
  })
}

function judgeExactlyOnce({ throughput = [] }: KafkaResults): TargetResult[] {
  const once = find(throughput, 'chunks-10-1', 'weir-exactly-once')
  const least = find(throughput, 'chunks-10-1', 'weir-at-least-once')
  if (once === undefined || least === undefined) return []
  const ratio = ratioOf(cpuPerByte, once, least)
  return [judged(once.case, 'CPU exactly once ÷ at least once ≤ 1.3 ×', ratio, ratio && ratio.median <= 1.3)]
}

function judgeProcesses({ processes }: KafkaResults): TargetResult[] {
  const [one, two] = processes?.results ?? []
  if (processes === undefined || one === undefined || two === undefined) return []
  const ratio = ratioOf(speed, two, one)
  const { samples } = processes.calibration
  const allowed = samples.length === 0 ? undefined : summarize(samples.map((sample) => sample.two / sample.one))
  const beside = allowed === undefined ? processes.calibration.how : `two bare loops ${withSpread(allowed)}`
  const target = `MB/s of two processes ÷ one ≥ 1.7 × where cores are free (${beside})`
  return [judged(one.case, target, ratio, ratio && ratio.median >= 1.7)]
}

function judgeLoads({ takeover, backlog }: KafkaResults): TargetResult[] {
  const targets: TargetResult[] = []
  if (takeover !== undefined) {
    const measured = `${digits(takeover.seconds)} s`
    const target = 'partitions of a killed process move again ≤ 60 s'
    targets.push({ case: 'takeover', target, measured, isReached: takeover.seconds <= 60 })
  }
  if (backlog !== undefined) {
    const ratio = backlog.drainedPerSecond / backlog.bytesPerSecond
    const target = 'a backlog drains ≥ 2 × the arrival rate'
    targets.push({ case: 'backlog', target, measured: `${digits(ratio)} ×`, isReached: ratio >= 2 })
  }
  return targets
}

function judged(
  name: string,
  target: string,
  ratio: Summary | undefined,
  isReached: boolean | undefined,
): TargetResult {
  return { case: name, target, measured: ratio === undefined ? 'not measured' : withSpread(ratio), isReached }
}

function find(results: readonly ThroughputResult[], name: string, id: string): ThroughputResult | undefined {
  return results.find((each) => each.case === name && each.id === id)
}
