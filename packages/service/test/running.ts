// Runs the command as its users do, in a process of its own, and gives each test a folder that goes away with it.
// Called by tests.

import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The command's start file. */
export const binary = fileURLToPath(new URL('../bin/weir.js', import.meta.url))

/** Signals that end a command, and the exit codes that stand for them; of some the number is not the same everywhere. */
export const endingSignals = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
  ['SIGALRM', 142],
  ['SIGUSR2', 128 + os.constants.signals.SIGUSR2],
  ['SIGVTALRM', 128 + os.constants.signals.SIGVTALRM],
  ['SIGXCPU', 128 + os.constants.signals.SIGXCPU],
  ['SIGIO', 128 + os.constants.signals.SIGIO],
] as const

/** What a finished command left. */
export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Options of `weir`. */
export interface RunOptions {
  readonly stdin?: Uint8Array | string
  readonly cwd?: string
}

/** Starts the command; its input is open. `environment`: variables besides those of this process. */
export function startWeir(
  args: readonly string[],
  cwd?: string,
  environment: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  const env = { ...process.env, ...environment }
  return spawn(process.execPath, [binary, ...args], { stdio: 'pipe', env, ...(cwd === undefined ? {} : { cwd }) })
}

/** Waits for a started command and gathers what it writes. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    )
  })
}

/** Runs the command to its end. */
export async function weir(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = startWeir(args, options.cwd)
  // A command that does not read its input closes it: no fault of the test.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin ?? '')
  return finished(child)
}

/** Runs a line of shell in which `weir` is the command. */
export async function shell(line: string, cwd: string): Promise<Finished> {
  const define = `weir() { "${process.execPath}" "${binary}" "$@"; }; `
  const child = spawn('bash', ['-c', define + line], { stdio: 'pipe', cwd })
  child.stdin.end()
  return finished(child)
}

/** Returns the path of a new folder, which is removed after the test. */
export async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(os.tmpdir(), 'weir-test-'))
  // What a test that failed has left running may still write there.
  t.after(() => rm(made, { recursive: true, force: true, maxRetries: 10 }))
  return made
}

/** Returns the names in a folder, hidden ones included, in order. */
export async function names(directory: string): Promise<string[]> {
  return (await readdir(directory)).sort()
}
