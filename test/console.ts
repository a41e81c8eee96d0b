// Reads `console` blocks of documents: the commands in them, what is shown below each, and the exit code it ends with.
// Runs nothing. Called by examples.test.ts and served-examples.test.ts.

import type { Block } from './markdown.ts'

/** A command of a console block, what the document shows below it, and the exit code that a `# exit N` asks for. */
export interface Command {
  readonly line: string
  readonly output: string
  readonly status: number
}

/** Takes a block apart. `npx weir` is `weir`, as installed. */
export function commandsOf({ text }: Block): Command[] {
  const parts = text.split(/^\$ /m).slice(1)
  return parts.map((part) => {
    const lines = part.split('\n')
    let end = 1
    while (lines[end - 1]?.endsWith('\\')) end++
    const line = lines
      .slice(0, end)
      .join('\n')
      .replaceAll(/npx (weir|@weir\/service)/g, 'weir')
    const status = Number(/# exit (\d+)\s*$/.exec(line)?.[1] ?? 0)
    return { line, status, output: lines.slice(end).join('\n').trim() }
  })
}

/** Whether the block is run with a service beside it. */
export function isServed({ info }: Block): boolean {
  return /^console\b.*\bserved\b/.test(info)
}

/** Whether the block promises the very output. */
export function isExact({ info }: Block): boolean {
  return /\bexact\b/.test(info)
}
