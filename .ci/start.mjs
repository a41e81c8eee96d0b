// `npm start`: sets the checkout up, generates a sample of DataStream 2 records, filters it with the sample rules, and
// prints what came out and what to try next. Everything goes to the folder weir-sample, which is safe to delete; rules
// that were changed there are kept.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetUpError, root, setUp } from './set-up.mjs'

const folder = 'weir-sample'
const records = 200_000
const seed = 1
/** Share of records that are broken on purpose, so that the table has something to say about them. */
const errorRate = 0.0005
const paths = { input: `${folder}/access.ndjson`, rules: `${folder}/rules.yaml`, kept: `${folder}/kept.ndjson` }
const securityOutput = `${folder}/security.ndjson`
const notes = join(root, folder, '.made')

const usage = `Usage: npm start -- [--portable]

Sets the checkout up, then filters ${records.toLocaleString('en-US')} generated records in the folder ${folder}.

  --portable   do not compile the native kernel; run the slower portable one
  --help       print this`

/** The main job failed; the message says where. */
class StartError extends Error {
  name = 'StartError'
}

/**
 * Runs the command line with `args` and returns what it wrote on stderr. While it runs, a terminal shows how long it
 * has been at it.
 */
async function weir(title, args) {
  const child = spawn(process.execPath, [join('packages', 'service', 'bin', 'weir.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const began = performance.now()
  const elapsed = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  const show = () => process.stdout.write(`\r${title} … ${elapsed()} `)
  const timer = process.stdout.isTTY ? setInterval(show, 100) : undefined
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part) => (text += part))
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal))
  }).finally(() => clearInterval(timer))
  console.log(`${process.stdout.isTTY ? '\r' : ''}${title} … ${elapsed()} `)
  if (status === 0) return text
  throw new StartError(`weir ${args[0]} failed (${status}):\n${text.trimEnd()}`)
}

/** What an earlier run made, so that it is not made again; empty when there was none. */
function readNotes() {
  try {
    return JSON.parse(readFileSync(notes, 'utf8'))
  } catch {
    return {}
  }
}

const digest = (text) => createHash('sha256').update(text).digest('hex')

async function makeInput(made) {
  const input = join(root, paths.input)
  const wanted = `${records} records, seed ${seed}, errors ${errorRate}`
  if (made.input === wanted && existsSync(input) && statSync(input).size === made.inputBytes) return made
  const args = ['generate', 'ds2', '--records', String(records), '--seed', String(seed), '-o', paths.input]
  args.push('--errors', String(errorRate))
  await weir(`generating ${records.toLocaleString('en-US')} records into ${paths.input}`, args)
  return { ...made, input: wanted, inputBytes: statSync(input).size }
}

/** Writes the sample rules, unless the reader has changed them since they were written. */
function writeRules(made) {
  const rules = join(root, paths.rules)
  const sample = readFileSync(join(root, 'fixtures', 'rule-sets', 'sample.yaml'), 'utf8')
  const isTheirs = existsSync(rules) && digest(readFileSync(rules)) !== made.rules
  if (isTheirs) console.log(`keeping the changed rules in ${paths.rules}`)
  else writeFileSync(rules, sample)
  return isTheirs ? made : { ...made, rules: digest(sample) }
}

const count = (number) => number.toLocaleString('en-US')

function printTable(summary) {
  const share = (number) => `${((100 * number) / Math.max(summary.records, 1)).toFixed(1)} %`
  const rows = [
    ['records', count(summary.records), `${(summary.bytesIn / 1e6).toFixed(1)} MB`],
    ['kept', count(summary.kept), share(summary.kept)],
    ['dropped', count(summary.dropped), share(summary.dropped)],
    ['malformed', count(summary.malformed), share(summary.malformed)],
    ...Object.entries(summary.byRule).map(([rule, number]) => [`  ${rule}`, count(number), share(number)]),
    ['speed', `${count(Math.round(summary.bytesIn / 1e6 / Math.max(summary.seconds, 1e-3)))} MB/s`, ''],
    ['kernel', summary.kernel, ''],
  ]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)))
  console.log()
  for (const [name, value, extra] of rows) {
    console.log(`  ${name.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${extra}`.trimEnd())
  }
}

function printNext() {
  console.log(`
Kept records are in ${paths.kept}, refused requests in ${securityOutput}. Try next:

  npx weir rules check ${paths.rules}
  npx weir filter --rules ${paths.rules} --route security=/dev/null --count ${paths.input}
  head -n 3 ${paths.kept} | npx weir filter --rules ${paths.rules} --route security=/dev/null --kernel portable -
`)
}

async function main() {
  const unknown = process.argv.slice(2).find((each) => !['--portable', '--help', '-h'].includes(each))
  if (unknown !== undefined) {
    console.error(`npm start: unknown argument ${unknown}.\n\n${usage}`)
    return 2
  }
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    console.log(usage)
    return 0
  }
  const isPortable = process.argv.includes('--portable')
  setUp({ native: !isPortable, projects: ['packages/service'] })
  mkdirSync(join(root, folder), { recursive: true })
  const made = writeRules(await makeInput(readNotes()))
  writeFileSync(notes, JSON.stringify(made))
  const args = ['filter', '--rules', paths.rules, '-o', paths.kept, '--route', `security=${securityOutput}`, '--json']
  // The table shows dropped and malformed apart, and only full validation counts them apart exactly.
  args.push('--validation', 'full')
  if (isPortable) args.push('--kernel', 'portable')
  const answer = await weir(`filtering with ${paths.rules}`, [...args, paths.input])
  const summary = answer.split('\n').find((line) => line.startsWith('{'))
  if (summary === undefined) throw new StartError(`weir filter --json printed no summary:\n${answer}`)
  printTable(JSON.parse(summary))
  printNext()
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetUpError) && !(error instanceof StartError)) throw error
  console.error(`npm start: ${error.message}`)
  process.exitCode = 1
}
