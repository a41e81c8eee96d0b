// Builds the native packages that contenders use, in place, when they are first needed: installing the workspace
// compiles nothing. With node-gyp and not with the packages' own scripts, one of which would download a binary.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** Returns undefined when the package loads, built now if need be; else why it does not, and what helps. */
export function buildAddon(name: 'simdjson' | 're2'): string | undefined {
  let folder: string
  try {
    folder = dirname(require.resolve(`${name}/package.json`))
  } catch {
    return `${name} is not installed: npm ci --ignore-scripts`
  }
  if (loads(name, folder)) return undefined
  process.stderr.write(`bench: building ${name}, which takes a minute or two …\n`)
  const log = gypRebuild(folder)
  if (log === undefined && loads(name, folder)) return undefined
  const reason =
    log
      ?.trim()
      .split('\n')
      .findLast((line) => /error|not found|ERR!/i.test(line)) ?? 'the binary does not load'
  return `${name} cannot be built here (${reason.trim().slice(0, 200)}); it needs g++, make, python3 and Node's headers`
}

/** Whether the binary loads; tried in a process of its own, since a failed import is remembered. */
function loads(name: string, folder: string): boolean {
  if (!existsSync(join(folder, 'build', 'Release', `${name}.node`))) return false
  return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(folder)})`], { stdio: 'ignore' }).status === 0
}

/** Compiles a package in its folder; returns what was printed when that fails. */
function gypRebuild(folder: string): string | undefined {
  // The one that re2 depends on: this workspace needs it for nothing else.
  const manifest = createRequire(require.resolve('re2/package.json')).resolve('node-gyp/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | { 'node-gyp': string } }
  const program = typeof bin === 'string' ? bin : bin['node-gyp']
  const args = [join(dirname(manifest), program), 'rebuild', '--jobs', String(availableParallelism())]
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  // Without the headers that came with this Node, node-gyp downloads them.
  if (existsSync(join(prefix, 'include', 'node', 'node_api.h'))) args.push(`--nodedir=${prefix}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, maxBuffer: 1 << 28 })
  return status === 0 ? undefined : `${String(stdout)}\n${String(stderr)}`
}
