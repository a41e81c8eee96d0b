// `npm run bench:report [-- FILE]`: draws a result file, the latest whole run without one, as charts and a page in
// results/, and puts its table into the README. Measures nothing. Exit codes: 0; 2 where the file is none.

import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './errors.ts'
import { runProgram, tell } from './program.ts'
import { renderReport } from './report/page.ts'
import { latestServiceRun } from './report/service-run.ts'
import { describeRun, renderSummary, replaceMarked } from './report/summary.ts'
import { latestResultFile, readResultFile } from './result-file.ts'

const results = fileURLToPath(new URL('../results', import.meta.url))
const readme = join(dirname(dirname(results)), 'README.md')

const help = `Usage: npm run bench:report [-- FILE]

Draws the result file of a run of npm run bench (default: the latest whole run in benchmarks/results) as charts and a
page beside it, and puts its table into README.md.
`

async function main(args: readonly string[]): Promise<number> {
  const [given, ...others] = args
  if (given === '--help' || given === '-h') {
    process.stdout.write(help)
    return 0
  }
  if (others.length > 0 || given?.startsWith('-')) throw new UsageError('bench:report takes one result file, or none.')
  const path = given === undefined ? latestResultFile(results) : resolve(given)
  if (dirname(path) !== results) {
    throw new UsageError(`${path} lies elsewhere: the page names its result file, so put it into benchmarks/results.`)
  }
  const file = readResultFile(path)
  for (const [name, text] of renderReport(basename(path), file, latestServiceRun(results))) {
    writeFileSync(join(results, name), text)
    tell(`written: ${join('benchmarks', 'results', name)}`)
  }
  const text = readFileSync(readme, 'utf8')
  writeFileSync(readme, replaceMarked(text, `${describeRun(file)}\n\n${renderSummary(file)}`, 'README.md'))
  tell('written: the table in README.md')
  return 0
}

await runProgram(main)
