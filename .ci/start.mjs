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
 * Runs the command line with `args`. On a terminal it draws its own progress bar there and prints its summary below;
 * elsewhere the summary goes to standard output, where a program that started us looks for it.
 */
async function weir(args) {
  const isTerminal = process.stderr.isTTY === true
  const child = spawn(process.execPath, [join('packages', 'service', 'bin', 'weir.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', isTerminal ? 'inherit' : 'pipe'],
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (part) => (text += part))
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal))
  })
  if (status === 0) return void process.stdout.write(text)
  throw new StartError(
    `weir ${args[0]} failed (${status})${isTerminal ? '; its message stands above.' : `:\n${text.trimEnd()}`}`,
  )
}

/** Shows on a terminal how long `work` has been going on, and in any case how long it took. */
async function timed(title, work) {
  const began = performance.now()
  const start = process.stdout.isTTY ? '\r' : ''
  const show = () => process.stdout.write(`${start}${title} … ${((performance.now() - began) / 1000).toFixed(1)} s`)
  const timer = start === '' ? undefined : setInterval(show, 100)
  await work().finally(() => clearInterval(timer))
  show()
  console.log()
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
  await timed(`generating ${records.toLocaleString('en-US')} records into ${paths.input}`, () => weir(args))
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
  const args = ['filter', '--rules', paths.rules, '-o', paths.kept, '--route', `security=${securityOutput}`]
  // Dropped and malformed records are told apart exactly only when every record is checked whole.
  args.push('--validation', 'full')
  if (isPortable) args.push('--kernel', 'portable')
  args.push(paths.input)
  console.log(`\n$ npx weir ${args.join(' ')}\n`)
  await weir(args)
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
