// Contender: memchr over the same memory, from line feed to line feed, and nothing else: the least that reading records can
// cost. Its answer is the number of lines.

import type { Contender } from '../contender.ts'
import { startResident } from './resident.ts'

/** Counting lines. */
export const newlines: Contender = {
  id: 'newlines',
  label: 'memchr for line feeds: filters nothing',
  model: 'kernel',
  threads: 1,
  open: async (task) => {
    const resident = await startResident(['--newlines', task.input.path])
    if ('skipped' in resident) return resident
    return {
      how: 'memchr of the C library, from one line feed to the next',
      run: async () => {
        const { ns, lines } = JSON.parse(await resident.ask('run')) as { ns: number; lines: number }
        const answer = async () => {
          if (lines !== task.input.records) throw new Error(`counts ${lines} lines, not ${task.input.records}`)
          // It filters nothing, so what it keeps cannot be wrong.
          return { kept: task.expected.byRoute.keep, sha256: task.expected.sha256 }
        }
        return { seconds: ns / 1e9, answer }
      },
      close: () => resident.close(),
    }
  },
}
