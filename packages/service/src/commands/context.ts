// What every command is given by start.ts instead of reaching for the process itself.

import type { Interrupts } from '../interrupts.ts'
import type { Log } from '../log.ts'

/** The surroundings of a command. */
export interface CommandContext {
  /** Of the package. */
  readonly version: string
  /** Writes a message to standard error. */
  readonly log: Log
  /** Writes an answer to standard output, and waits until it is there. */
  print(text: string): Promise<void>
  /** Whether standard output is a terminal: then records and a progress bar would share the screen. */
  readonly isOutputTerminal: boolean
  /** Whether standard error is one. */
  readonly isErrorTerminal: boolean
  /** Characters that fit in a line of standard output; absent where it is no terminal. */
  readonly outputColumns: number | undefined
  /** The variables of the environment. Only settings are read from there. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Standard error, for what draws on a terminal or writes without end. Made when it is first asked for. */
  readonly errorStream: NodeJS.WriteStream
  readonly interrupts: Interrupts
  /** Says that a thread hangs, in native code or in the system: the process can then be ended only by force. */
  endByForce(): void
  /** Ends the process now, by force. */
  endNow(): void
  /** Has the first signal that would end the process call this instead; a second one ends it at once. */
  onTermination(inOrder: (signal: NodeJS.Signals) => void): void
  /** Sets the exit code of the process, if it ends by itself. */
  exitWith(code: number): void
}

/** Exit codes: `fault` is something that failed, `misuse` a wrong command line or wrong rules. */
export const exitCode = { success: 0, fault: 1, misuse: 2 } as const
