// The command as a whole: help, version, wrong commands, and its start file.

import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

import { binary, finished, folder, shell, startWeir, weir } from './running.js'

test('without arguments and with --help the command explains itself', async () => {
  for (const args of [[], ['--help'], ['help']]) {
    const run = await weir(args)
    assert.equal(run.code, 0)
    assert.equal(run.stderr, '')
    assert.match(run.stdout.toString(), /^Usage: weir .*filter .*rules .*generate /s)
  }
})

test('the README of the package names every command', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const help = (await weir(['--help'])).stdout.toString()
  const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name!)
    .filter((name) => !['help', 'weir'].includes(name))
  assert.ok(commands.includes('archive'))
  for (const name of commands) assert.match(readme, new RegExp(`^\\| \`${name}[ \`]`, 'm'))
})

test('the help of every command ends with an example', async () => {
  for (const args of [['filter'], ['rules', 'check'], ['rules', 'schema'], ['generate', 'ds2']]) {
    const run = await weir([...args, '--help'])
    assert.equal(run.code, 0)
    assert.match(run.stdout.toString(), new RegExp(`Examples?:\n  weir ${args.join(' ')} `))
  }
})

test('--version prints the version of the package', async () => {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.equal((await weir(['--version'])).stdout.toString(), `${manifest.version}\n`)
})

test('help and the version that cannot be written are a fault', async (t) => {
  const directory = await folder(t)
  for (const args of ['--help', '--version', '', 'help', 'filter --help']) {
    const run = await shell(`weir ${args} > /dev/full`, directory)
    assert.equal(run.code, 1, args)
    assert.equal(run.stderr, 'weir: Cannot write standard output: no space left on device (ENOSPC).\n')
  }
  const quiet = await shell('weir --help | true; echo ${PIPESTATUS[0]}', directory)
  assert.equal(quiet.stdout.toString(), '0\n')
  assert.equal(quiet.stderr, '')
})

test('an unknown command or option is refused with the nearest one', async () => {
  for (const [args, nearest] of [
    [['fitler'], /Did you mean filter\?/],
    [['filter', '--rules', 'x', '--ruls', 'x'], /Did you mean --rules\?/],
    [['filter'], /required option '--rules <file>' not specified/],
    [['rules'], /check/],
  ] as const) {
    const run = await weir(args)
    assert.equal(run.code, 2)
    assert.match(run.stderr, nearest)
  }
})

test('where the command is not compiled, its start file says what to do', async (t) => {
  const directory = await folder(t)
  await cp(path.dirname(binary), path.join(directory, 'bin'), { recursive: true })
  await cp(new URL('../package.json', import.meta.url), path.join(directory, 'package.json'))
  const run = spawnSync(process.execPath, [path.join(directory, 'bin', 'weir.js')], { encoding: 'utf8' })
  assert.equal(run.status, 1)
  assert.match(run.stderr, /^weir is not built: .*\nRun `npm/)
})

test('SIGUSR1 does not open the inspector of Node', async (t) => {
  const rules = path.join(await folder(t), 'rules.json')
  await writeFile(rules, '{ "version": 1, "default": "keep", "rules": [] }')
  const child = startWeir(['filter', '--rules', rules])
  const over = finished(child)
  const answered = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  // Its first answer shows that it runs.
  child.stdin.write('{"n":1}\n')
  await answered
  for (let count = 0; count < 3; count++) child.kill('SIGUSR1')
  child.stdin.end('{"n":2}\n')
  const { code, stderr } = await over
  assert.equal(code, 0)
  assert.doesNotMatch(stderr, /debugger|inspector/i)
})
