// The contender of the service: what a careful developer writes in an afternoon. Node's http, zlib in its threads,
// JSON.parse and V8's RegExp behind rules that were compiled once, kept lines appended to a file, and each body's bytes
// synced before its 200. One process, as `weir serve`. It refuses nothing, has no limits and no journal: all in its
// favour. Started by servers.ts: PORT RULES FILE.

import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { RuleSet } from '@weir/engine'
import { compileDecider } from '../contenders/compiled-rules.ts'
import { compileField, compilePattern } from '../contenders/json-parse.ts'

const [port, rulesPath, outputPath] = process.argv.slice(2) as [string, string, string]
const rules = JSON.parse(readFileSync(rulesPath, 'utf8')) as RuleSet
const decide = compileDecider(rules, { compileField, compilePattern })
const keeps = [...rules.rules.map((rule) => rule.then), rules.default].map((action) => action === 'keep')
const output = await open(outputPath, 'a')
const inflate = promisify(gunzip)

function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', reject)
  })
}

/** Returns the kept lines. As in the baseline of the kernel model, latin1 is the cheaper way to the same string. */
function filter(body: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let start = 0; start < body.length;) {
    const lineFeed = body.indexOf(10, start)
    const end = lineFeed < 0 ? body.length : lineFeed
    const record = JSON.parse(body.toString('latin1', start, end)) as Record<string, unknown>
    if (keeps[decide(record)] === true) kept.push(body.subarray(start, end + 1))
    start = end + 1
  }
  return Buffer.concat(kept)
}

async function take(request: IncomingMessage): Promise<void> {
  const body = await readBody(request)
  const kept = filter(request.headers['content-encoding'] === 'gzip' ? await inflate(body) : body)
  if (kept.length === 0) return
  await output.appendFile(kept)
  await output.datasync()
}

const server = createServer((request, response) => {
  take(request).then(
    () => response.writeHead(200, { 'Content-Length': 0 }).end(),
    () => response.writeHead(503, { 'Content-Length': 0 }).end(),
  )
})
server.listen(Number(port), '127.0.0.1')
process.on('SIGTERM', () => process.exit())
