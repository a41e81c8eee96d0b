// Contenders: ripgrep over the raw lines, on one thread and on two. It knows no JSON: its patterns, which stand in each
// case, lean on the order of the fields and on values without escapes, as generated records have them.

import { join } from 'node:path'
import type { Contender, Prepared, Skipped, Task } from '../contender.ts'
import { halvesOf } from '../inputs.ts'
import { prepareCommand, quote, versionOf } from './command-line.ts'

/** One rg; with patterns that drop, a second one behind a pipe, which sees only what the first one kept. */
export const ripgrep: Contender = {
  id: 'rg',
  label: 'rg',
  model: 'command',
  threads: 1,
  open: async (task) => {
    const filter = filterOf(task)
    if (typeof filter !== 'string') return filter
    const script = filter.replace('$INPUT', quote(task.input.path))
    return prepareCommand('rg', { script, successes: [0, 1] }, task)
  },
}

/** Two rg at once, each on half of the file: on one file it uses one thread. Their outputs are joined in order. */
export const ripgrepTwice: Contender = {
  id: 'rg-2',
  label: 'rg, two at once on halves',
  model: 'command',
  threads: 2,
  open: async (task): Promise<Prepared | Skipped> => {
    const filter = filterOf(task)
    if (typeof filter !== 'string') return filter
    const [first, second] = (await halvesOf(task.input)).map(quote) as [string, string]
    const [one, two] = ['rg-2.one', 'rg-2.two'].map((name) => quote(join(task.folder, name))) as [string, string]
    const half = (input: string, output: string): string => `{ ${filter.replace('$INPUT', input)} > ${output}; }`
    const script = `${half(first, one)} & ${half(second, two)}; wait; cat ${one} ${two}`
    return prepareCommand('rg-2', { script, successes: [0, 1] }, task)
  },
}

function patterns(list: readonly string[]): string {
  return list.map((pattern) => `-e ${quote(pattern)}`).join(' ')
}

function filterOf(task: Task): string | Skipped {
  const { rg } = task.case
  if ('none' in rg) return { skipped: `no agreeing command. ${rg.none}` }
  if (versionOf('rg') === undefined) return { skipped: 'rg is not on PATH: npm run bench:peers' }
  const keep = `$TIME rg --no-config -N --no-unicode ${patterns(rg.keep)} $INPUT`
  return rg.drop === undefined ? keep : `${keep} | $TIME rg --no-config -N --no-unicode -v ${patterns(rg.drop)}`
}
