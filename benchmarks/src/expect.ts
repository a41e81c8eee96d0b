// `npm run bench:expect`: reads the cases' rules plainly over a generated input and writes what comes out into the case
// files. To be run when a case or the generator changes; the change of the numbers then shows in review.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { casePath, hashOfRules, loadCases } from './cases.ts'
import { readFlags } from './flags.ts'
import { prepareInput } from './inputs.ts'
import { runProgram } from './program.ts'
import { readPlainly } from './plain-reading.ts'

/** Inputs whose answers are committed, where a case has none yet: small, so that tests can make them. */
const usualInputs = [
  { records: 2000, seed: 1 },
  { records: 8000, seed: 7 },
]

const folder = fileURLToPath(new URL('../cases', import.meta.url))
const cache = fileURLToPath(new URL('../.cache', import.meta.url))

const help = `Usage: npm run bench:expect

Reads the rules of every case plainly over generated records, and writes what comes out into benchmarks/cases.
`

async function main(args: readonly string[]): Promise<number> {
  if (readFlags(args, { help: 'switch' }, 'npm run bench:expect -- --help').help === true) {
    process.stdout.write(help)
    return 0
  }
  for (const each of loadCases(folder, 'unchecked')) {
    const path = casePath(folder, each.name)
    const expected = []
    for (const { records, seed } of each.expected.length === 0 ? usualInputs : each.expected) {
      const input = prepareInput(cache, each.input, records, seed)
      expected.push({ records, seed, ...(await readPlainly(each.rules, input.path)) })
    }
    // What the file says is written back as it is: rules that it names are not written out.
    const written = JSON.parse(readFileSync(path, 'utf8')) as { readonly rules: object }
    const made = 'generator' in written.rules ? { rules: { ...written.rules, sha256: hashOfRules(each.rules) } } : {}
    writeFileSync(path, `${JSON.stringify({ ...written, ...made, expected }, undefined, 2)}\n`)
    console.log(
      `${each.name}: ${expected.map(({ records, byRoute }) => `${byRoute.keep} of ${records}`).join(', ')} kept`,
    )
  }
  console.log('Written; `npm run format` puts the files into shape.')
  return 0
}

await runProgram(main)
