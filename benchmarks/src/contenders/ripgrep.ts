// Contenders: ripgrep and ugrep over the raw lines, on one thread and on two. They know no JSON: their patterns, which
// stand in each case, lean on the order of the fields and on values without escapes, as generated records have them.

import { join } from 'node:path'
import type { Contender, Prepared, Skipped, Task } from '../contender.ts'
import { halvesOf } from '../inputs.ts'
import { debianPackage } from '../tools/debian.ts'
import type { Tool } from '../tools/tool.ts'
import { prepareCommand, quote } from './command-line.ts'

/** A program that prints the lines in which a pattern is found. */
interface LineTool {
  readonly id: string
  readonly tool: Tool
  /** Bytes rather than Unicode, nothing before the lines, no settings of the user. */
  readonly options: string
}

/** What the contenders run. */
export const lineTools = {
  rg: {
    id: 'rg',
    tool: debianPackage({ name: 'ripgrep', program: 'usr/bin/rg', isSystem: true }),
    options: '--no-config -N --no-unicode',
  },
  ugrep: {
    id: 'ugrep',
    tool: debianPackage({ name: 'ugrep', program: 'usr/bin/ugrep' }),
    options: '-h -a -U',
  },
} as const satisfies Readonly<Record<string, LineTool>>

/** One process; with patterns that drop, a second one behind a pipe, which sees only what the first one kept. */
function once(used: LineTool): Contender {
  const { id } = used
  return {
    id,
    label: id,
    model: 'command',
    threads: 1,
    open: async (task) => {
      const filter = filterOf(used, task)
      if (typeof filter !== 'string') return filter
      const script = filter.replace('$INPUT', () => quote(task.input.path))
      return prepareCommand(id, { script, successes: [0, 1], threads: 1 }, task)
    },
  }
}

/** Two at once, each on half of the file: on one file they use one thread. Their outputs are joined in order. */
function twice(used: LineTool): Contender {
  const id = `${used.id}-2`
  return {
    id,
    label: `${used.id}, two at once on halves`,
    model: 'command',
    threads: 2,
    open: async (task): Promise<Prepared | Skipped> => {
      const filter = filterOf(used, task)
      if (typeof filter !== 'string') return filter
      const [first, second] = (await halvesOf(task.input)).map(quote) as [string, string]
      const [one, two] = ['one', 'two'].map((name) => quote(join(task.folder, `${id}.${name}`))) as [string, string]
      const half = (input: string, output: string): string =>
        `{ ${filter.replace('$INPUT', () => input)} > ${output}; }`
      const script = `${half(first, one)} & ${half(second, two)}; wait; cat ${one} ${two}`
      return prepareCommand(id, { script, successes: [0, 1], threads: 2 }, task)
    },
  }
}

/** ripgrep. */
export const ripgrep = once(lineTools.rg)
/** Two of ripgrep. */
export const ripgrepTwice = twice(lineTools.rg)
/** ugrep. */
export const ugrep = once(lineTools.ugrep)
/** Two of ugrep. */
export const ugrepTwice = twice(lineTools.ugrep)

function patterns(list: readonly string[]): string {
  return list.map((pattern) => `-e ${quote(pattern)}`).join(' ')
}

function filterOf({ id, tool, options }: LineTool, task: Task): string | Skipped {
  const { rg } = task.case
  if ('none' in rg) return { skipped: `no agreeing command. ${rg.none}` }
  const found = tool.find()
  if (found === undefined) return { skipped: `${id} is not installed: npm run bench:peers` }
  const program = `$TIME ${found.command} ${options}`
  const keep = `${program} ${patterns(rg.keep)} $INPUT`
  return rg.drop === undefined ? keep : `${keep} | ${program} -v ${patterns(rg.drop)}`
}
