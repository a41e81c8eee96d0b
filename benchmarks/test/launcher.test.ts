// The process that starts commands: times, outputs and errors come back, and what runs ends with the suite.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { endLaunched, launch } from '#src/contenders/launcher.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-launcher-'))
after(() => rmSync(folder, { recursive: true }))
const output = join(folder, 'out')

const shell = (script: string): Promise<Awaited<ReturnType<typeof launch>>> =>
  launch({ command: ['sh', '-c', script], output })

/** Waits until a file of this name is there. */
async function appears(name: string): Promise<void> {
  const watcher = watch(folder)
  try {
    while (!existsSync(join(folder, name))) await new Promise((resolve) => watcher.once('change', resolve))
  } finally {
    watcher.close()
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a command’s output goes to its file, and its time, exit code and errors come back', async () => {
  const launched = await shell('echo out; echo err >&2; exit 3')
  assert.deepEqual([launched.code, launched.errors], [3, 'err\n'])
  assert.ok(launched.seconds > 0)
  assert.equal(readFileSync(output, 'utf8'), 'out\n')
  assert.equal((await shell('true')).code, 0)
  assert.equal(readFileSync(output, 'utf8'), '')
})

test('what cannot be started, or has nowhere to write, says why', async () => {
  await assert.rejects(launch({ command: ['no-such-program-anywhere'], output }), /ENOENT/)
  await assert.rejects(launch({ command: ['true'], output: join(folder, 'none', 'out') }), /ENOENT/)
  assert.equal((await shell('true')).code, 0)
})

test(
  'ending the suite ends the command and what it started, and the next one starts anew',
  { skip: process.platform !== 'linux' && 'linux: reads /proc' },
  async () => {
    const pids = join(folder, 'pids')
    const rejected = assert.rejects(
      shell(`sleep 600 & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; wait`),
      /has ended/,
    )
    await appears('pids')
    await endLaunched()
    await rejected
    for (const pid of readFileSync(pids, 'utf8').split(' ').map(Number)) assert.equal(isAlive(pid), false)
    assert.equal((await shell('true')).code, 0)
  },
)

test('a launcher that nobody uses keeps no process from ending', async () => {
  const module = new URL('../dist/contenders/launcher.js', import.meta.url).href
  const script = `import(${JSON.stringify(module)}).then(({ launch }) => launch({ command: ['true'], output: ${JSON.stringify(output)} }))`
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0)
})
