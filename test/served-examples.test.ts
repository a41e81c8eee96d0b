// Runs the examples that need a service: blocks marked `console served`, one document after the other, each in a folder
// of its own, in order. `weir serve` goes on in the background until the next one or the end, and has to end in order.
// A block of YAML whose first line is `# NAME.yaml` is that file. Ports are exchanged for free ones.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { importCompiled, listFiles, readText, root, skipWithout } from './checkout.ts'
import { commandsOf, isExact, isServed } from './console.ts'
import type { Command } from './console.ts'
import { readMarkdown } from './markdown.ts'
import type { Block } from './markdown.ts'

const guide = 'docs/serve.md'
const documents = ['README.md', 'packages/service/README.md', ...listFiles('docs')].filter((path) =>
  path.endsWith('.md'),
)
const served = documents.flatMap((document) => {
  const { blocks } = readMarkdown(readText(document))
  return blocks.some(isServed) ? [{ document, blocks }] : []
})

const hasCurl = spawnSync('curl', ['--version']).status === 0
const skip = skipWithout('curl', hasCurl, 'apt-get install curl')
const command = join(root, 'packages/service/bin/weir.js')
const startDeadlineMs = 60_000
let workFolder = ''
/** Ports of the documents, and those that are used in their place; nobody else is given them until they are given back. */
const ports = new Map<string, number>()
let giveBack = (): void => undefined

before(async () => {
  workFolder = mkdtempSync(join(root, 'test', 'dist', 'served-'))
  mkdirSync(join(workFolder, 'bin'))
  writeFileSync(join(workFolder, 'bin', 'weir'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`)
  chmodSync(join(workFolder, 'bin', 'weir'), 0o755)
  const { takePorts } = await importCompiled('packages/service/dist-test/servers/ports.js')
  const shown = ['9880', '9881', '9882']
  const block = await (takePorts as (count: number) => Promise<PortBlock>)(shown.length)
  giveBack = () => block.release()
  shown.forEach((port, i) => ports.set(port, block.ports[i] ?? 0))
})

after(() => {
  giveBack()
  rmSync(workFolder, { recursive: true, force: true })
})

interface PortBlock {
  readonly ports: readonly number[]
  release(): void
}

function withFreePorts(text: string): string {
  return text.replace(/127\.0\.0\.1:(\d+)/g, (address, port: string) => {
    const free = ports.get(port)
    return free === undefined ? address : `127.0.0.1:${free}`
  })
}

/** One folder, and the service that runs in it at the moment. */
class Terminal {
  readonly cwd: string
  private service: { child: ChildProcess; place: string; stderr: string } | undefined

  constructor() {
    this.cwd = mkdtempSync(join(workFolder, 'terminal-'))
  }

  run({ line }: Command): { status: number | null; stdout: string; stderr: string } {
    const args = ['-o', 'pipefail', '-c', withFreePorts(line)]
    return spawnSync('bash', args, { cwd: this.cwd, env: this.environment(), encoding: 'utf8', timeout: 120_000 })
  }

  /** Resolves when the service takes records. */
  async serve({ line }: Command, place: string): Promise<void> {
    await this.end()
    // Settings that are built in are exchanged by the environment; a file has its ports exchanged already.
    const listen = (port: string) => `127.0.0.1:${ports.get(port)}`
    const builtIn = line.includes('--config')
      ? {}
      : { WEIR_PIPELINES__DEFAULT__SOURCE__HTTP__LISTEN: listen('9880'), WEIR_ADMIN__LISTEN: listen('9881') }
    const env = { ...this.environment(), ...builtIn }
    const child = spawn('bash', ['-c', `exec ${line}`], { cwd: this.cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
    const service = { child, place, stderr: '' }
    this.service = service
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${place}: ${line} ${what}\n${service.stderr}`))
      const deadline = setTimeout(() => fail('is not ready'), startDeadlineMs)
      child.on('close', () => (clearTimeout(deadline), fail('has ended')))
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        service.stderr += text
        if (service.stderr.includes('The admin port is open.')) resolve(clearTimeout(deadline))
      })
    })
  }

  /** Ends the service as a terminal does. */
  async end(): Promise<void> {
    const { service } = this
    this.service = undefined
    if (service === undefined) return
    const { child, place } = service
    const closed = once(child, 'close')
    child.kill('SIGINT')
    const [status] = (await closed) as [number | null]
    assert.equal(status, 0, `${place}: the service ended with ${status}\n${service.stderr}`)
  }

  kill(): void {
    this.service?.child.kill('SIGKILL')
  }

  private environment(): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = { ...process.env, NO_PROXY: '*' }
    env['PATH'] = `${join(workFolder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`
    for (const name of Object.keys(env)) if (name.startsWith('WEIR_') || name === 'NODE_TEST_CONTEXT') delete env[name]
    return env
  }
}

/** A block that is a file of the reader's: its name and its text. */
function fileOf({ info, text }: Block): { name: string; text: string } | undefined {
  if (!/^ya?ml\b/.test(info)) return undefined
  const name = /^\s*# ([\w-]+\.yaml)\n/.exec(text)?.[1]
  return name === undefined ? undefined : { name, text }
}

async function runBlock(terminal: Terminal, document: string, block: Block): Promise<void> {
  for (const command of commandsOf(block)) {
    const place = `${document}:${block.line}`
    if (/^weir serve\b/.test(command.line) && !/--check\b/.test(command.line)) {
      await terminal.serve(command, place)
      continue
    }
    const { status, stdout, stderr } = terminal.run(command)
    const shown = `${place}: ${command.line}\n${stdout}\n${stderr}`
    assert.equal(status, command.status, shown)
    if (isExact(block)) assert.equal(stdout.trim(), withFreePorts(command.output), shown)
  }
}

test(`README.md and ${guide} have examples that are served`, () => {
  const found = served.map(({ document }) => document)
  for (const document of ['README.md', guide]) assert.ok(found.includes(document), document)
})

for (const { document, blocks } of served) {
  test(`what ${document} shows of a service happens`, { skip }, async () => {
    const terminal = new Terminal()
    try {
      for (const block of blocks) {
        const file = fileOf(block)
        if (file !== undefined) writeFileSync(join(terminal.cwd, file.name), withFreePorts(file.text))
        else if (isServed(block)) await runBlock(terminal, document, block)
      }
      await terminal.end()
    } finally {
      terminal.kill()
    }
  })
}

test(`every settings file of ${guide} goes through the loader`, async () => {
  const { loadSettings } = await importCompiled('packages/service/dist/config/load.js')
  const files = readMarkdown(readText(guide)).blocks.flatMap((block) => fileOf(block) ?? [])
  const settings = files.filter(({ text }) => /^\s*pipelines:/m.test(text))
  assert.ok(settings.length >= 2)
  for (const file of settings) {
    const load = () => (loadSettings as (sources: object) => unknown)({ environment: {}, sets: [], cwd: '/', file })
    assert.doesNotThrow(load, file.name)
  }
})

test(`the unit of ${guide} starts the command as it is, waits for its end, and lets it hold its connections`, async () => {
  const unit = readMarkdown(readText(guide)).blocks.find(({ info }) => info === 'ini')?.text ?? ''
  const valueOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? assert.fail(`no ${key}`)
  const { loadSettings } = await importCompiled('packages/service/dist/config/load.js')
  const { exitCode } = await importCompiled('packages/service/dist/commands/context.js')
  const [program, subcommand, option, path] = valueOf('ExecStart').split(' ')
  assert.match(program ?? '', /\/weir$/)
  assert.deepEqual([subcommand, option, path], ['serve', '--config', '/etc/weir/weir.yaml'])
  const text = 'pipelines: { a: { source: { http: {} }, routes: { keep: { discard: {} } } } }'
  const { settings } = (
    loadSettings as (sources: object) => {
      settings: { shutdownMs: number; pipelines: { a: { source: { http: { maxConnections: number } } } } }
    }
  )({ environment: {}, sets: [], cwd: '/', file: { name: 'weir.yaml', text } })
  assert.ok(Number(valueOf('TimeoutStopSec')) * 1000 > settings.shutdownMs)
  assert.ok(Number(valueOf('LimitNOFILE')) > settings.pipelines.a.source.http.maxConnections)
  assert.equal(Number(valueOf('RestartPreventExitStatus')), (exitCode as { misuse: number }).misuse)
})
