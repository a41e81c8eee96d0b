// `npm run bench:expect`: reads the cases' rules plainly over a generated input and writes what comes out into the case
// files. To be run when a case or the generator changes; the change of the numbers then shows in review.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { casePath, loadCases } from './cases.ts'
import { prepareInput } from './inputs.ts'
import { readPlainly } from './plain-reading.ts'

/** Inputs whose answers are committed: small, so that tests can make them. */
const committedInputs = [
  { records: 2000, seed: 1 },
  { records: 8000, seed: 7 },
]

const folder = fileURLToPath(new URL('../cases', import.meta.url))
const cache = fileURLToPath(new URL('../.cache', import.meta.url))

for (const each of loadCases(folder)) {
  const expected = []
  for (const { records, seed } of committedInputs) {
    const { path } = prepareInput(cache, records, seed)
    expected.push({ records, seed, ...(await readPlainly(each.rules, path)) })
  }
  writeFileSync(casePath(folder, each.name), `${JSON.stringify({ ...each, expected }, undefined, 2)}\n`)
  console.log(
    `${each.name}: ${expected.map(({ records, byRoute }) => `${byRoute.keep} of ${records}`).join(', ')} kept`,
  )
}
console.log('Written; `npm run format` puts the files into shape.')
