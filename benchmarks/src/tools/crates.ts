// Tools that cargo builds: programs of the registry as they are published, and programs of this repository around a crate.
// Both with the versions of a lock file, into a folder each.

import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { isOnPath, makeFolder, runInstaller, sourcesFolder, toolsFolder, versionLine } from './tool.ts'
import type { Found, Tool } from './tool.ts'

function needCargo(): void {
  if (!isOnPath('cargo')) throw new Error('needs cargo, the builder of Rust programs')
}

function findProgram(path: string): Found | undefined {
  const command = quote(path)
  const version = existsSync(path) ? versionLine(`${command} --version`) : undefined
  return version === undefined ? undefined : { command, version }
}

/** Returns the tool of a published crate; the one on PATH where this version was not built here. */
export function crate({ name, version, program }: { name: string; version: string; program: string }): Tool {
  const folder = `cargo-${name}-${version}`
  return {
    name,
    find: () => {
      const own = findProgram(join(toolsFolder, folder, 'bin', program))
      if (own !== undefined || !isOnPath(program)) return own
      const line = versionLine(`${program} --version`)
      return line === undefined ? undefined : { command: program, version: line }
    },
    install: () => {
      needCargo()
      makeFolder(folder, (root) =>
        runInstaller('cargo', ['install', '--quiet', '--locked', '--version', version, '--root', root, name]),
      )
    },
  }
}

/** Returns the tool that the crate `name` of this repository's `peers` folder builds: `program`, from locked versions. */
export function ownCrate({ name, program }: { name: string; program: string }): Tool {
  const source = join(sourcesFolder, name)
  const parts = ['Cargo.toml', 'Cargo.lock', 'src/main.rs']
  const hash = createHash('sha256')
  for (const part of parts) hash.update(readFileSync(join(source, part)))
  const folder = `cargo-${name}-${hash.digest('hex').slice(0, 12)}`
  return {
    name,
    find: () => findProgram(join(toolsFolder, folder, program)),
    install: () => {
      needCargo()
      makeFolder(folder, (root) => {
        const work = join(root, 'work')
        cpSync(source, work, { recursive: true })
        nameSources(work)
        const target = join(toolsFolder, 'cargo-target')
        runInstaller('cargo', ['build', '--quiet', '--release', '--locked', '--target-dir', target], { cwd: work })
        copyFileSync(join(target, 'release', program), join(root, program))
        rmSync(work, { recursive: true })
      })
      // Kept until then, so that a build that was broken off goes on.
      rmSync(join(toolsFolder, 'cargo-target'), { recursive: true })
    },
  }
}

/**
 * Completes a lock file: in the repository it has checksums, and no addresses. Cargo writes where its registry is into a
 * lock file that it makes itself, and that is put beside each checksum.
 */
function nameSources(work: string): void {
  const path = join(work, 'Cargo.lock')
  const locked = readFileSync(path, 'utf8')
  rmSync(path)
  runInstaller('cargo', ['generate-lockfile', '--quiet'], { cwd: work })
  const source = /^source = .*$/m.exec(readFileSync(path, 'utf8'))?.[0]
  if (source === undefined) throw new Error('cargo names no registry')
  writeFileSync(path, locked.replaceAll(/^checksum = /gm, `${source}\nchecksum = `))
}
