// `npm run pack`: makes the tarballs of both packages as they are published, prebuilt binaries included, in the folder
// .set-up/packages, and beside each the list of its parts. `-- --all` builds the binaries of all targets, which a release needs and which takes a cross-compiler;
// without it, this machine's own, and others that lie here and are current. test/packages.test.ts installs what this
// makes; the release workflow publishes it. Never run when the packages are installed.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrebuildError, hostTarget, isCurrent, prebuild, targets } from '../packages/engine/native/prebuild.mjs'
import { partsOf } from './sbom.mjs'
import { SetUpError, isBundled, root, setUp } from './set-up.mjs'

/** Packages that are published, in the order in which they are: the service needs the engine. */
export const published = ['packages/engine', 'packages/service']

/** Returns where the list of parts that goes with a tarball is written: beside it. */
export function partsPath(tarball) {
  return tarball.replace(/\.tgz$/, '.cdx.json')
}

/** Packing failed; the message says what to do. */
export class PackError extends Error {
  name = 'PackError'
}

/**
 * Packs what is published into `folder` and returns, for each package, its name, version, the path of its tarball, the
 * paths of the files within, and sizes in bytes. `all`: with the binaries of all targets. The TypeScript has to be
 * compiled.
 */
export function pack(folder, { all = false } = {}) {
  if (!isBundled()) throw new PackError('The command is not bundled: node packages/service/bundle.mjs')
  if (all) for (const target of Object.keys(targets)) prebuild(target)
  // Where there is no target for this machine, the packages still install: the portable kernel runs there.
  else if (Object.hasOwn(targets, hostTarget)) prebuild(hostTarget)
  forgetOutdated()
  mkdirSync(folder, { recursive: true })
  return published.map((path) => packOne(path, folder))
}

/** Binaries of other targets may be older than the sources; what is packed never is. */
function forgetOutdated() {
  const prebuilds = join(root, 'packages/engine/native/prebuilds')
  if (!existsSync(prebuilds)) return
  for (const target of readdirSync(prebuilds)) {
    if (!isCurrent(target)) rmSync(join(prebuilds, target), { recursive: true })
  }
}

function packOne(path, folder) {
  const args = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: join(root, path), encoding: 'utf8' })
  if (status !== 0) throw new PackError(`npm pack failed in ${path}: ${stderr}`)
  const [{ name, version, filename, files, size, unpackedSize }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  const tarball = join(folder, filename)
  return { name, version, tarball, files: files.map((file) => file.path), size, unpackedSize }
}

function main() {
  const unknown = process.argv.slice(2).find((each) => each !== '--all')
  if (unknown !== undefined) {
    console.error(`npm run pack: unknown argument ${unknown}. Usage: npm run pack -- [--all]`)
    return 2
  }
  setUp({ projects: ['packages/service'] })
  const folder = join(root, '.set-up', 'packages')
  rmSync(folder, { recursive: true, force: true })
  for (const { name, version, tarball, size, files } of pack(folder, { all: process.argv.includes('--all') })) {
    writeFileSync(partsPath(tarball), `${JSON.stringify(partsOf(name), null, 2)}\n`)
    const digest = createHash('sha256').update(readFileSync(tarball)).digest('hex')
    console.log(
      `${name} ${version}: ${relative('.', tarball)}, ${size.toLocaleString('en-US')} bytes, sha256 ${digest}`,
    )
    for (const file of files.filter((each) => each.endsWith('.node'))) console.log(`  ${file}`)
  }
  return 0
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main()
  } catch (error) {
    if (!(error instanceof SetUpError || error instanceof PrebuildError || error instanceof PackError)) throw error
    console.error(`npm run pack: ${error.message}`)
    process.exitCode = 1
  }
}
