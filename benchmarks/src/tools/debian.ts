// Tools of Debian's packages. Those that other parts of the suite use too are installed in the system; the others are
// unpacked into a folder each, with the libraries that the system lacks, since some exclude each other and none has to
// start at boot. Unpacking needs no rights.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { isOnPath, makeFolder, runInstaller, toolsFolder, versionLine } from './tool.ts'
import type { Found, Tool } from './tool.ts'

/** A program of a Debian package. */
export interface DebianPackage {
  readonly name: string
  /** Where the package has the program, from the root of the system. */
  readonly program: string
  /** Installed in the system rather than unpacked. */
  readonly isSystem?: true
  /** What has to stand behind the program where the package is unpacked at `root`. */
  readonly options?: (root: string) => string
  /** What the program is asked for its version with; `--version`, unless it differs. */
  readonly versionOption?: string
}

/** Returns the tool of a Debian package. */
export function debianPackage(wanted: DebianPackage): Tool {
  return {
    name: wanted.name,
    find: () => findUnpacked(wanted) ?? findOnPath(wanted),
    install: () => {
      if (!isOnPath('apt-get')) throw new Error(`needs apt-get; elsewhere, put ${basename(wanted.program)} on PATH`)
      if (wanted.isSystem === true) installInSystem(wanted.name)
      else unpackDebian(wanted.name)
    },
  }
}

function findOnPath({ program, versionOption = '--version' }: DebianPackage): Found | undefined {
  const command = basename(program)
  const version = isOnPath(command) ? versionLine(`${command} ${versionOption}`) : undefined
  return version === undefined ? undefined : { command, version }
}

function findUnpacked({ name, program, options, versionOption = '--version' }: DebianPackage): Found | undefined {
  const root = folderOf(name)
  const path = join(root, program)
  if (!existsSync(path)) return undefined
  const libraries = libraryFolders(root)
  const environment = libraries.length === 0 ? '' : `env LD_LIBRARY_PATH=${quote(libraries.join(':'))} `
  const called = `${environment}${quote(path)}`
  const version = versionLine(`${called} ${versionOption}`)
  if (version === undefined) return undefined
  return { command: options === undefined ? called : `${called} ${options(root)}`, version }
}

/** Where a package is unpacked. */
export function folderOf(name: string): string {
  return join(toolsFolder, `debian-${name}`)
}

/** Folders with shared libraries below the root of an unpacked package. */
export function libraryFolders(root: string): string[] {
  const parents = ['usr/lib', 'lib'].map((path) => join(root, path)).filter(existsSync)
  const folders = parents.flatMap((parent) => [parent, ...readdirSync(parent).map((name) => join(parent, name))])
  return folders.filter((folder) => {
    try {
      return readdirSync(folder).some((name) => /\.so\.\d+/.test(name))
    } catch {
      return false
    }
  })
}

let isUpdated = false

/** Reads the lists of packages anew, once, where that is allowed; old lists name files that are gone. */
function updateLists(): void {
  if (isUpdated || process.getuid?.() !== 0) return
  runInstaller('apt-get', ['update', '-q'])
  isUpdated = true
}

function installInSystem(name: string): void {
  if (process.getuid?.() !== 0) throw new Error(`needs root: sudo apt-get install ${name}`)
  updateLists()
  runInstaller('apt-get', ['install', '-y', '-q', '--no-install-recommends', name])
}

/** Unpacks a package, and those it needs that the system lacks, into one folder. Errors: an Error saying why not. */
export function unpackDebian(name: string): void {
  updateLists()
  const plan = simulate(name)
  makeFolder(`debian-${name}`, (folder) => {
    // As root, apt-get would hand the download to a user who may not write here.
    const sandbox = ['-o', 'APT::Sandbox::User=root']
    runInstaller('apt-get', ['download', '-q', ...sandbox, ...plan], { cwd: folder })
    for (const file of readdirSync(folder).filter((each) => each.endsWith('.deb'))) {
      runInstaller('dpkg-deb', ['-x', join(folder, file), folder])
      rmSync(join(folder, file))
    }
  })
}

/** The packages that installing one would bring, with their versions. */
function simulate(name: string): string[] {
  let text: string
  try {
    text = execFileSync('apt-get', ['install', '-s', '-q', '--no-install-recommends', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    throw new Error(`apt-get knows no package ${name} that can be installed here`)
  }
  const plan = Array.from(text.matchAll(/^Inst (\S+) \((\S+)/gm), ([, each, version]) => `${each}=${version}`)
  if (plan.length === 0) throw new Error(`${name} is installed, and its program is not on PATH`)
  return plan
}
