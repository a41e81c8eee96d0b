// Installs packed tarballs into an empty folder, as a user does, filters three records with the command and with the
// library, and checks which kernel did it. The release workflow runs it on every platform before anything is published:
//   node .ci/try.mjs native|portable TARBALL …
// Node's built-in modules only, and nothing of the checkout: it runs where nothing is set up.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const rules = `version: 1
default: drop
rules:
  - { id: errors, when: { field: status, matches: '5\\d\\d' }, then: keep }
`
const records = '{"status":"503"}\n{"status":"200"}\n{"status":"5030"}\n'
const expected = '{"status":"503"}\n'

const library = `
import { createEngine } from '@weir/engine'
const engine = await createEngine({ rules: './rules.yaml', threads: 1 })
const verdict = await engine.evaluate(Buffer.from(${JSON.stringify(records)}))
if (Buffer.from(verdict.gather('keep')).toString() !== ${JSON.stringify(expected)}) throw new Error('it keeps other bytes')
console.log(JSON.stringify(engine.kernel))
await engine.close()
`

/** Returns what is wrong, or undefined. */
function attempt(folder, kernel, tarballs) {
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "type": "module" }')
  writeFileSync(join(folder, 'rules.yaml'), rules)
  writeFileSync(join(folder, 'library.js'), library)
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline']
  execFileSync('npm', ['install', ...quiet, ...tarballs.map((path) => resolve(path))], {
    cwd: folder,
    stdio: 'inherit',
  })
  const used = JSON.parse(execFileSync(process.execPath, ['library.js'], { cwd: folder, encoding: 'utf8' }))
  if (used.name !== kernel) return `the ${used.name} kernel runs: ${used.fallback ?? 'no reason given'}`
  const weir = join(folder, 'node_modules', '@weir', 'service', 'bin', 'weir.js')
  const args = [weir, 'filter', '--rules', 'rules.yaml', '-']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    input: records,
    encoding: 'utf8',
  })
  return status === 0 && stdout === expected ? undefined : `weir filter ended with ${status}: ${stdout}${stderr}`
}

const [kernel, ...tarballs] = process.argv.slice(2)
if (!['native', 'portable'].includes(kernel) || tarballs.length === 0) {
  console.error('Usage: node .ci/try.mjs native|portable TARBALL …')
  process.exit(2)
}
const folder = mkdtempSync(join(tmpdir(), 'weir-try-'))
try {
  const fault = attempt(folder, kernel, tarballs)
  const where = `Node ${process.versions.node}, ${process.platform} ${process.arch}`
  console.log(fault === undefined ? `${where}: the ${kernel} kernel keeps what it should.` : `${where}: ${fault}`)
  if (fault !== undefined) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
