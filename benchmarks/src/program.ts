// What programs of the benchmarks have in common: what they tell beside their tables, and how they end. Measures nothing.
// Called by the programs, as main.ts.

import os from 'node:os'
import { UsageError } from './errors.ts'

/** Tells what is going on, beside standard output. */
export function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}

/** Runs a program with the arguments of this process, and sets the exit code: what it returns, or 2 for a wrong flag. */
export async function runProgram(main: (args: readonly string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    tell(error.message)
    process.exitCode = 2
  }
}

/** Has a signal end this process as `process.exit` does: whoever listens for that ends what it has started. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + os.constants.signals[signal]))
  }
}
