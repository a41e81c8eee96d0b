// Messages to people: one function that writes a line to wherever start.ts says, standard error as a rule, and what
// makes control characters visible. Records never pass here. The log of commands that run on is in
// structured-log.ts. Called by commands.

/** Takes one message, without a line end. */
export type Log = (message: string) => void

/** Returns a log that writes each message as lines of its own, control characters made visible. */
export function createLog(write: (text: string) => void): Log {
  return (message) => write(visible(message) + '\n')
}

/**
 * Returns text that cannot steer a terminal: control characters other than line feeds and tabs are written as
 * escapes. Messages quote file names, rules and records, which anybody may have written.
 */
export function visible(text: string): string {
  return text.replace(
    // C0 without tab and line feed, DEL, C1, and the marks that turn the direction of text.
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'),
  )
}

/** Returns text as one line: line feeds and tabs, as names of files may hold them, are escapes as well. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll('\n', '\\u000a').replaceAll('\t', '\\u0009')
}
