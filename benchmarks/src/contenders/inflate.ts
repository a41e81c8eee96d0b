// Contender: Node's zlib alone. It inflates the file that `weir filter` is given as gzip, and does nothing else: what
// filtering gzip can at most be. Its answer is the number of inflated bytes.

import { readFile } from 'node:fs/promises'
import type { Contender } from '../contender.ts'
import { gzipOf } from '../inputs.ts'
import { prepareCommand, quote } from './command-line.ts'

/** Reads a file by the way that Node's documents show, and prints how many bytes came of it. */
const program = `
  let bytes = 0
  const inflated = fs.createReadStream(process.argv[1]).pipe(zlib.createGunzip())
  inflated.on('data', (chunk) => (bytes += chunk.length))
  inflated.on('end', () => console.log(bytes))
`

/** Inflating without filtering. */
export const inflateAlone: Contender = {
  id: 'inflate',
  label: 'Node’s zlib alone: inflates, filters nothing',
  model: 'command',
  // Reading, inflating and handing over overlap, on as many processors as `weir-2-gzip` has.
  threads: 2,
  open: async (task) => {
    const script = `$TIME ${quote(process.execPath)} -e ${quote(program)} ${quote(await gzipOf(task.input))}`
    const answer = async (output: string) => {
      const bytes = Number(await readFile(output, 'utf8'))
      if (bytes !== task.input.bytes) throw new Error(`inflates to ${bytes} bytes, not ${task.input.bytes}`)
      // It filters nothing, so what it keeps cannot be wrong.
      return { kept: task.expected.byRoute.keep, sha256: task.expected.sha256 }
    }
    return prepareCommand('inflate', { script, successes: [0], answer, threads: 2 }, task)
  },
}
