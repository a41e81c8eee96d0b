// Has the set-up compile the native packages that contenders use, when they are first needed: installing compiles
// nothing. The repository's set-up does the work, with the tools, headers and allow list of the other packages.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const ownManifest = fileURLToPath(new URL('../../package.json', import.meta.url))
const setUp = join(dirname(ownManifest), '..', '.ci', 'set-up.mjs')

/** Returns undefined when the package loads, built now if need be; else why it does not, and what helps. */
export function buildAddon(name: 'simdjson' | 're2'): string | undefined {
  let folder: string
  try {
    folder = dirname(require.resolve(`${name}/package.json`))
  } catch {
    return `${name} is not installed: npm run build`
  }
  if (loads(name, folder)) return undefined
  // What it says is shown as it comes, for it takes a minute or two; standard output is the table's.
  const { status } = spawnSync(process.execPath, [setUp, '--addon', name], { stdio: ['ignore', 2, 2] })
  if (status !== 0) return `${name} cannot be built here; the reason was printed when that was tried`
  return loads(name, folder) ? undefined : `${name} was built, and its binary does not load`
}

/** Whether the binary loads; tried in a process of its own, since a failed import is remembered. */
function loads(name: string, folder: string): boolean {
  if (!existsSync(join(folder, 'build', 'Release', `${name}.node`))) return false
  return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(folder)})`], { stdio: 'ignore' }).status === 0
}
