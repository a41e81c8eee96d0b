// Contenders of the model *start*: whole commands that have one record to filter, or nothing to do. What is left of `weir
// filter` when Node's own start is taken off is what a small file costs.

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
      { script: `$TIME ${quote(process.execPath)} -e 0`, successes: [0], answer },
      task,
    )
  },
}

/** `weir filter` as somebody calls it who sets nothing. */
export const weirStart: Contender = {
  id: 'weir-start',
  label: 'weir filter, one record',
  model: 'start',
  threads: 1,
  open: async (task) => {
    const rules = join(task.folder, `${task.case.name}.start.json`)
    writeFileSync(rules, JSON.stringify(task.case.rules))
    const program = `$TIME ${quote(process.execPath)} ${quote(weirCommand())} filter`
    const script = `${program} --rules ${quote(rules)} ${quote(task.input.path)}`
    return prepareCommand('weir-start', { script, successes: [0] }, task)
  },
}
