// Contenders: the command `weir filter` as it is installed, from its start to its end, on a file and on a pipe.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from '../contender.ts'
import { weirCommand } from '../inputs.ts'
import { prepareCommand, quote } from './command-line.ts'

/** `weir filter` on so many threads. */
export function weirFilter(threads: number): Contender {
  return weirContender(`weir-${threads}`, `weir filter --threads ${threads}`, threads, false)
}

/** `weir filter` on so many threads, reading a pipe. */
export function weirFilterPipe(threads: number): Contender {
  return weirContender(`weir-${threads}-pipe`, `cat | weir filter --threads ${threads}`, threads, true)
}

function weirContender(id: string, label: string, threads: number, fromPipe: boolean): Contender {
  return {
    id,
    label,
    model: 'command',
    threads,
    open: async (task) => {
      const rules = join(task.folder, `${task.case.name}.rules.json`)
      writeFileSync(rules, JSON.stringify(task.case.rules))
      const input = quote(task.input.path)
      const program = `$TIME ${quote(process.execPath)} ${quote(weirCommand())} filter`
      const options = `--rules ${quote(rules)} --threads ${threads} --kernel native --no-progress`
      const script = fromPipe ? `cat ${input} | ${program} ${options}` : `${program} ${options} ${input}`
      return prepareCommand(id, { script, successes: [0] }, task)
    },
  }
}
