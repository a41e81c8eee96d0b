// `npm start`: sets the checkout up, serves with the built-in settings, posts generated DataStream 2 records through the
// front door, shows what was kept and why, and goes on serving until it is interrupted; with --once it ends. Input lies
// in the folder weir-sample, output in weir-out; both are safe to delete while nothing runs.

import { spawn } from 'node:child_process'
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { SetUpError, root, setUp } from './set-up.mjs'

const folder = 'weir-sample'
const records = 100_000
const seed = 1
/** Share of records that are broken on purpose, so that the table has something to say about them. */
const errorRate = 0.0005
const input = `${folder}/access.ndjson`
const notes = join(root, folder, '.made')
const ingest = 'http://127.0.0.1:9880/ingest'
const admin = 'http://127.0.0.1:9881'
/** Bytes of a body, at least; it ends with the line that reaches them. A CDN posts a few megabytes at a time. */
const bodyBytes = 1 << 20
const startDeadlineMs = 60_000

const usage = `Usage: npm start -- [--once] [--portable]

Sets the checkout up, serves, and posts ${records.toLocaleString('en-US')} generated records to ${ingest}.

  --once       end when they are stored, instead of serving on
  --portable   do not compile the native kernel; run the slower portable one
  --help       print this`

/** The main job failed; the message says where. */
class StartError extends Error {
  name = 'StartError'
}

const command = join('packages', 'service', 'bin', 'weir.js')

/** Runs the command line to its end. */
async function weir(args) {
  const child = spawn(process.execPath, [command, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part) => (text += part))
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal))
  })
  if (status !== 0) throw new StartError(`weir ${args[0]} failed (${status}):\n${text.trimEnd()}`)
}

/** The service, as a process of its own, whose messages appear here. */
function startService(isPortable) {
  const args = [command, 'serve', ...(isPortable ? ['--set', 'pipelines.default.kernel=portable'] : [])]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = new Promise((resolve) => {
    child.on('error', () => resolve(1)).on('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, ended }
}

/** Asks the service, or posts to it. Resolves with status and body, rejects when nobody answers. */
function ask(url, { agent, body, method = body === undefined ? 'GET' : 'POST' } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Fails where somebody listens already: records would be posted to another service, and its counts shown. */
async function refuseTaken() {
  for (const { hostname, port, host } of [new URL(ingest), new URL(admin)]) {
    const isTaken = await new Promise((resolve) => {
      const socket = connect(Number(port), hostname)
      const settle = (answer) => {
        socket.destroy()
        resolve(answer)
      }
      socket.once('connect', () => settle(true)).once('error', () => settle(false))
    })
    if (!isTaken) continue
    throw new StartError(
      `Another program listens on ${host}, perhaps an earlier npm start that still serves: end it first.`,
    )
  }
}

/** Waits until the service takes records. */
async function ready(ended) {
  let hasEnded = false
  void ended.then(() => (hasEnded = true))
  for (const began = performance.now(); performance.now() - began < startDeadlineMs; await pause(50)) {
    if (hasEnded) throw new StartError('weir serve has ended; its message stands above.')
    const answer = await ask(`${admin}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return
  }
  throw new StartError(`The service was not ready within ${startDeadlineMs / 1000} s; see ${admin}/readyz.`)
}

/** What an earlier run made, so that it is not made again; empty when there was none. */
function readNotes() {
  try {
    return JSON.parse(readFileSync(notes, 'utf8'))
  } catch {
    return {}
  }
}

async function makeInput() {
  const path = join(root, input)
  const wanted = `${records} records, seed ${seed}, errors ${errorRate}`
  const made = readNotes()
  if (made.input === wanted && existsSync(path) && statSync(path).size === made.inputBytes) return
  console.log(`generating ${records.toLocaleString('en-US')} records into ${input} …`)
  const args = ['generate', 'ds2', '--records', String(records), '--seed', String(seed), '-o', input]
  await weir([...args, '--errors', String(errorRate)])
  writeFileSync(notes, JSON.stringify({ input: wanted, inputBytes: statSync(path).size }))
}

/** Yields the file in bodies of whole lines. */
async function* bodies(path) {
  let held = []
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    const end = bytes + chunk.length < bodyBytes ? -1 : chunk.lastIndexOf(10)
    if (end < 0) {
      held.push(chunk)
      bytes += chunk.length
      continue
    }
    yield Buffer.concat([...held, chunk.subarray(0, end + 1)])
    held = [chunk.subarray(end + 1)]
    bytes = held[0].length
  }
  if (bytes > 0) yield Buffer.concat(held)
}

/** Posts one body until it is taken, as a CDN does: again after 429 and 503, when the service says so. */
async function post(body, agent) {
  for (let attempt = 1; ; attempt++) {
    const { status, headers, text } = await ask(ingest, { agent, body })
    if (status === 200) return
    if ((status !== 429 && status !== 503) || attempt === 10) {
      throw new StartError(`A body was answered ${status}: ${text.trim()}`)
    }
    await pause(1000 * Number(headers['retry-after'] ?? 1))
  }
}

/** Posts the whole file, and draws how far it is. Returns the seconds it took. */
async function postAll() {
  const path = join(root, input)
  const { size } = statSync(path)
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  const began = performance.now()
  let done = 0
  const draw = (isEnd) => {
    if (!process.stdout.isTTY && !isEnd) return
    const share = done / size
    const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░')
    const speed = (done / 1e6 / ((performance.now() - began) / 1000)).toFixed(0)
    process.stdout.write(
      `${process.stdout.isTTY ? '\r' : ''}posting ${bar} ${(share * 100).toFixed(0)} %, ${speed} MB/s`,
    )
  }
  const source = bodies(path)
  const worker = async () => {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      await post(next.value, agent)
      done += next.value.length
      draw(false)
    }
  }
  await Promise.all([worker(), worker()])
  draw(true)
  process.stdout.write('\n')
  agent.destroy()
  return (performance.now() - began) / 1000
}

/** Returns the samples of the metrics: name, labels and value. */
async function samples() {
  const { text } = await ask(`${admin}/metrics`)
  return [...text.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)].map(([, name, labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }))
}

function table(all) {
  const of = (name) => all.filter((sample) => sample.name === name)
  const rows = [
    ...of('weir_records_total').map(({ labels, value }) => [labels.verdict, value]),
    ['', undefined],
    ...of('weir_rule_records_total').map(({ labels, value }) => [`rule ${labels.rule}`, value]),
    ['', undefined],
    ...of('weir_malformed_records_total').flatMap(({ labels, value }) =>
      value === 0 ? [] : [[`malformed: ${labels.reason}`, value]],
    ),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, value]) =>
      value === undefined ? '' : `  ${name.padEnd(width)}  ${value.toLocaleString('en-US').padStart(9)}`,
    )
    .join('\n')
}

function printNext(isOnce) {
  const post = `curl --data-binary @${input} ${ingest}`
  console.log(`
Kept records are in weir-out/keep, refused requests in weir-out/security, records that cannot be read in
weir-out/dead-letter; each body was answered when its records were on the disk.${isOnce ? '' : ' Still serving. Try next:'}
`)
  if (isOnce) return console.log('Serve again with `npm start`, or with `npx weir serve`.\n')
  console.log(`  ${post}
  curl ${admin}/metrics
  npx weir config show

End it with Ctrl-C.
`)
}

async function main() {
  const args = process.argv.slice(2)
  const unknown = args.find((each) => !['--once', '--portable', '--help', '-h'].includes(each))
  if (unknown !== undefined) {
    console.error(`npm start: unknown argument ${unknown}.\n\n${usage}`)
    return 2
  }
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    return 0
  }
  const [isOnce, isPortable] = [args.includes('--once'), args.includes('--portable')]
  await refuseTaken()
  setUp({ native: !isPortable, projects: ['packages/service'] })
  mkdirSync(join(root, folder), { recursive: true })
  await makeInput()
  console.log(`\n$ npx weir serve\n`)
  const { child, ended } = startService(isPortable)
  // A terminal's interrupt reaches the service as well, which then ends in order; this waits for it.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => void (signal === 'SIGTERM' && child.kill(signal)))
  try {
    await ready(ended)
    const seconds = await postAll()
    const { size } = statSync(join(root, input))
    console.log(
      `\n${records.toLocaleString('en-US')} records, ${(size / 1e6).toFixed(0)} MB, ${seconds.toFixed(1)} s\n`,
    )
    console.log(table(await samples()))
    printNext(isOnce)
    if (isOnce) child.kill('SIGTERM')
  } catch (error) {
    child.kill('SIGTERM')
    await ended
    throw error
  }
  const status = await ended
  return status === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetUpError) && !(error instanceof StartError)) throw error
  console.error(`npm start: ${error.message}`)
  process.exitCode = 1
}
