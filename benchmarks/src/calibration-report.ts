// What is said of the calibration, in the terminal and in the report. Pure; called by main.ts and report/page.ts.

import type { CalibrationResult } from './result.ts'
import { summarize } from './statistics.ts'
import { digits, withSpread } from './table.ts'

/** Returns what a second thread was worth beside some cases, as a sentence. */
export function renderCalibration({ case: name, how, samples }: CalibrationResult): string {
  if (samples.length === 0) return `Scaling calibration, ${name}: ${how}.`
  const factor = withSpread(summarize(samples.map(({ one, two }) => two / one)))
  const one = digits(summarize(samples.map((each) => each.one)).median / 1e6)
  return `Scaling calibration, ${name}: two loops do ${factor} × the work of one (${one} MB/s): ${how}.`
}
