// The contract of a tool: a program from outside, how it is found and how it is installed. The other files of the folder
// are kinds of installation, each into a folder of its own, so that one that fails leaves the others as they are.
// Called by the peers, and by `npm run bench:peers`.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A program that is there. */
export interface Found {
  /** How it is called: words for `sh`, quoted where they need it. */
  readonly command: string
  readonly version: string
}

/** A program from outside. */
export interface Tool {
  readonly name: string
  /** Returns the program, or undefined where it is not there or does not start. */
  readonly find: () => Found | undefined
  /** Installs it. Errors: an Error that says why it cannot be had here. What the installer prints goes to standard error. */
  readonly install: () => void
}

const benchmarks = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)))

/** Folder of what is installed for the benchmarks alone; not in the repository. */
export const toolsFolder = join(benchmarks, '.peers')

/** Folder of what the repository has for the tools that are compiled or locked here. */
export const sourcesFolder = join(benchmarks, 'peers')

/** Returns the first line with a digit that a command prints; undefined where it does not start or fails. */
export function versionLine(command: string): string | undefined {
  try {
    const text = execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text
      .split('\n')
      .find((line) => /\d/.test(line))
      ?.trim()
  } catch {
    return undefined
  }
}

/** Whether the program is on PATH. */
export function isOnPath(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0
}

/** Runs an installer; what it prints goes to standard error. Errors: an Error naming the command. */
export function runInstaller(command: string, args: readonly string[], options: { cwd?: string } = {}): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, error } = spawnSync(command, args, { ...options, env, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  throw new Error(error === undefined ? `${command} ${args[0]} ended with ${status}` : `${command} is not installed`)
}

/** Makes a folder of `toolsFolder` whole or not at all. Returns its path. */
export function makeFolder(name: string, make: (folder: string) => void): string {
  const folder = join(toolsFolder, name)
  const aside = `${folder}.new`
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { recursive: true })
  make(aside)
  if (existsSync(folder)) rmSync(folder, { recursive: true })
  renameSync(aside, folder)
  return folder
}
