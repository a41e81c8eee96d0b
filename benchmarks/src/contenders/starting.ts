// Contenders of the model *start*: whole commands that have one record to filter, or nothing to do. What is left of `weir
// filter` when Node's own start is taken off is what a small file costs. All on one processor: what the targets take this
// start off from is pinned to one too.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from '../contender.ts'
import { weirCommand } from '../inputs.ts'
import { prepareCommand, quote } from './command-line.ts'

/** Node, with a program that does nothing. */
export const nodeStart: Contender = {
  id: 'node-start',
  label: 'node -e 0',
  model: 'start',
  threads: 1,
  open: async (task) => {
    // It filters nothing, so what it keeps cannot be wrong.
    const answer = async () => ({ kept: task.expected.byRoute.keep, sha256: task.expected.sha256 })
    return prepareCommand(
      'node-start',
      { script: `$TIME ${quote(process.execPath)} -e 0`, successes: [0], answer, threads: 1 },
      task,
    )
  },
}

/** `weir filter` as somebody calls it who sets nothing, and not for the first time. */
export const weirStart: Contender = weirContender('weir-start', 'weir filter, one record', '')

/** The same, without what an earlier start has kept of its compiled code, and keeping nothing. */
export const weirStartCold: Contender = weirContender(
  'weir-start-cold',
  'weir filter, one record, no kept code',
  'NODE_DISABLE_COMPILE_CACHE=1 ',
)

function weirContender(id: string, label: string, env: string): Contender {
  return {
    id,
    label,
    model: 'start',
    threads: 1,
    open: async (task) => {
      const rules = join(task.folder, `${task.case.name}.start.json`)
      writeFileSync(rules, JSON.stringify(task.case.rules))
      const program = `${env}$TIME ${quote(process.execPath)} ${quote(weirCommand())} filter`
      const script = `${program} --rules ${quote(rules)} ${quote(task.input.path)}`
      return prepareCommand(id, { script, successes: [0], threads: 1 }, task)
    },
  }
}
