// The bundle that the command starts from: when it is taken, and that what it starts by name, and finds beside the engine,
// is found from there. All other tests run the command from it as well, where it is current.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { binary, folder } from './running.js'

const bundle = fileURLToPath(new URL('../bundle/', import.meta.url))
const skip = existsSync(path.join(bundle, 'main.js')) ? false : 'the command is not bundled: npm run build'

/** Makes a folder like that of the package, whose entry points say which they are, and returns what starting it prints. */
function started(root: string, writtenMs: Readonly<Record<string, number>>, ...args: readonly string[]): string {
  for (const [file, ms] of Object.entries(writtenMs)) {
    const place = path.join(root, 'packages', file)
    mkdirSync(path.dirname(place), { recursive: true })
    writeFileSync(place, `process.stdout.write('${file.replace(/^service\//, '')}')`)
    utimesSync(place, ms / 1000, ms / 1000)
  }
  const start = path.join(root, 'packages/service/bin/weir.js')
  writeFileSync(path.join(root, 'package.json'), '{"type":"module"}')
  cpSync(path.dirname(binary), path.dirname(start), { recursive: true })
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const { stdout, stderr } = spawnSync(process.execPath, [start, ...args], { encoding: 'utf8', env })
  return stdout + stderr
}

test('the command starts from the bundle, unless what it was made of was compiled since', async (t) => {
  const [dist, main, filter] = ['service/dist/main.js', 'service/bundle/main.js', 'service/bundle/filter.js']
  const [service, engine] = ['service/dist/tsconfig.tsbuildinfo', 'engine/dist/tsconfig.tsbuildinfo']
  const trials = [
    [{ [service]: 1000, [engine]: 2000 }, true],
    [{ [service]: 3000, [engine]: 1000 }, false],
    [{ [service]: 1000, [engine]: 3000 }, false],
    // As it is published.
    [{}, true],
  ] as const
  for (const [compiled, isTaken] of trials) {
    const files = { [dist]: 3000, [main]: 2000, [filter]: 2000, ...compiled }
    assert.equal(started(await folder(t), files), isTaken ? 'bundle/main.js' : 'dist/main.js')
    assert.equal(started(await folder(t), files, 'filter'), isTaken ? 'bundle/filter.js' : 'dist/main.js')
    assert.equal(started(await folder(t), files, 'rules', 'filter'), isTaken ? 'bundle/main.js' : 'dist/main.js')
  }
  assert.equal(started(await folder(t), { [dist]: 2000, [service]: 1000, [engine]: 1000 }), 'dist/main.js')
  assert.match(started(await folder(t), {}), /^weir is not built: /)
})

test(
  'threads of the engine start from the bundle, and the kernel is the one beside the engine',
  { skip },
  async (t) => {
    const place = await folder(t)
    const [rules, file] = [path.join(place, 'rules.yaml'), path.join(place, 'input.ndjson')]
    writeFileSync(
      rules,
      'version: 1\ndefault: drop\nrules: [{ id: one, when: { field: k, matches: "1" }, then: keep }]\n',
    )
    const input = Array.from({ length: 100_000 }, (_, i) => `{"k":${i % 4},"n":${i}}\n`).join('')
    writeFileSync(file, input)
    const run = (from: string, kernel: string) => {
      const args = [
        path.join(from, from === bundle ? 'filter.js' : 'main.js'),
        'filter',
        '--rules',
        rules,
        '--kernel',
        kernel,
        '--json',
        file,
      ]
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 24 })
      assert.equal(status, 0, stderr)
      assert.ok(stdout === input.replace(/\{"k":[023],.*\n/g, ''))
      return (JSON.parse(stderr) as { kernel: string }).kernel
    }
    assert.equal(run(bundle, 'auto'), run(path.join(bundle, '../dist'), 'auto'))
    assert.equal(run(bundle, 'portable'), 'portable')
  },
)

test('the bundle has every file that is started by name, and the licences of the packages inside it', { skip }, () => {
  const parts = ['shared', 'others', 'piscina', 're2js', 'yaml']
  for (const name of ['main', 'filter', 'worker', 'rules-thread', 'trial-process', 'calibration-thread', ...parts]) {
    assert.ok(existsSync(path.join(bundle, `${name}.js`)), name)
  }
  const licences = readFileSync(path.join(bundle, 'licences.txt'), 'utf8')
  const names = licences.split(/^---$/m).map((each) => each.trim().split(' ')[0])
  assert.deepEqual(names, ['commander', 'piscina', 're2js', 'yaml'])
})
