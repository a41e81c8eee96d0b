// The one error of the suite that is about how it was called; everything else that throws is a fault of ours.
// Caught by program.ts.

/** The command line, a case or a setting is wrong; the message says what would be right. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
