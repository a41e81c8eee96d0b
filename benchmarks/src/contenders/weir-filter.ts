// Contenders: the command `weir filter` as it is installed, from its start to its end, on a file and on a pipe, of NDJSON,
// of one JSON array, and of gzip.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from '../contender.ts'
import { arrayOf, gzipOf, weirCommand } from '../inputs.ts'
import type { Input } from '../inputs.ts'
import { hasMalformed } from '../records/shape.ts'
import { prepareCommand, quote } from './command-line.ts'

/** The form in which a command is given the records. */
type Form = 'ndjson' | 'array' | 'gzip'

const forms: Readonly<Record<Form, { readonly suffix: string; readonly path: (input: Input) => Promise<string> }>> = {
  ndjson: { suffix: '', path: async ({ path }) => path },
  array: { suffix: '-array', path: arrayOf },
  gzip: { suffix: '-gzip', path: gzipOf },
}

/** `weir filter` on so many threads. */
export function weirFilter(threads: number, form: Form = 'ndjson'): Contender {
  return weirContender(threads, form, false)
}

/** `weir filter` on so many threads, reading a pipe. */
export function weirFilterPipe(threads: number, form: Form = 'ndjson'): Contender {
  return weirContender(threads, form, true)
}

function weirContender(threads: number, form: Form, fromPipe: boolean): Contender {
  const { suffix, path } = forms[form]
  const id = `weir-${threads}${suffix}${fromPipe ? '-pipe' : ''}`
  const what = form === 'ndjson' ? '' : `, ${form}`
  return {
    id,
    label: `${fromPipe ? 'cat | ' : ''}weir filter --threads ${threads}${what}`,
    model: 'command',
    threads,
    open: async (task) => {
      if (form === 'array' && hasMalformed(task.input.description))
        return { skipped: 'Malformed records are no elements of an array.' }
      const rules = join(task.folder, `${task.case.name}.rules.json`)
      writeFileSync(rules, JSON.stringify(task.case.rules))
      const input = quote(await path(task.input))
      const program = `$TIME ${quote(process.execPath)} ${quote(weirCommand())} filter`
      const shape = form === 'array' ? ' --input-format array' : ''
      const options = `--rules ${quote(rules)} --threads ${threads} --kernel native --no-progress${shape}`
      const script = fromPipe ? `cat ${input} | ${program} ${options}` : `${program} ${options} ${input}`
      return prepareCommand(id, { script, successes: [0], threads }, task)
    },
  }
}
