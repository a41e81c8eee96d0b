// The process that starts commands: times, outputs and errors come back, and what runs ends with the suite.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { endLaunched, launch } from '#src/contenders/launcher.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-launcher-'))
after(() => rmSync(folder, { recursive: true }))
const output = join(folder, 'out')

const shell = (script: string): Promise<Awaited<ReturnType<typeof launch>>> =>
  launch({ command: ['sh', '-c', script], output })

/** Resolves when it holds, looking once per turn of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
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
    await until(() => existsSync(pids))
    await endLaunched()
    await rejected
    // They are killed, and end when they next have a processor.
    for (const pid of readFileSync(pids, 'utf8').split(' ').map(Number)) await until(() => !isAlive(pid))
    assert.equal((await shell('true')).code, 0)
  },
)

test('a launcher that nobody uses keeps no process from ending', async () => {
  const module = new URL('../dist/contenders/launcher.js', import.meta.url).href
  const script = `import(${JSON.stringify(module)}).then(({ launch }) => launch({ command: ['true'], output: ${JSON.stringify(output)} }))`
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0)
})
