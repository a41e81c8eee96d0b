// A program that stays: it holds an input in memory and makes a pass over it whenever it is told to. It takes the time of
// each pass itself, so that neither its start nor the pipes are in it. Used by plain-cpp.ts and newlines.ts, whose
// program it is (benchmarks/native/main.cc).

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Skipped } from '../contender.ts'

/** A running program. */
export interface Resident {
  /** Sends a line and returns the line that answers it. Errors: what the program says when it ends instead. */
  ask(line: string): Promise<string>
  /** Ends the program and waits for it. */
  close(): Promise<void>
}

/** The exit code of a program that does not take what it was started with. */
const refusal = 2
const ownFolder = fileURLToPath(new URL('../..', import.meta.url))
const native = join(ownFolder, '..', '.ci', 'native.mjs')
let built: { readonly path: string } | Skipped | undefined

/** Returns the path of the program of benchmarks/native, compiled now unless that is done, or why it is not there. */
export function plainProgram(): { readonly path: string } | Skipped {
  if (built === undefined) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [native, 'program', 'plain-cpp'], {
      encoding: 'utf8',
    })
    // The last line says why; what the compiler said stands above it.
    const lines = stderr.trim().split('\n')
    built = status === 0 ? { path: stdout.trim() } : { skipped: lines.at(-1) ?? 'plain-cpp cannot be built' }
    if (status !== 0 && lines.length > 1) process.stderr.write(stderr)
  }
  return built
}

/** Starts the program and waits until it is ready. Returns why not when it knows no such rules, or is not there. */
export async function startResident(args: readonly string[]): Promise<Resident | Skipped> {
  const program = plainProgram()
  if ('skipped' in program) return program
  const child = spawn(program.path, [...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  // Writing to a program that has ended fails; what it said when it ended is told instead.
  child.stdin.on('error', () => {})
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  ended.catch(() => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const message = (code: number | null): string => Buffer.concat(errors).toString().trim() || `ended with ${code}`
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next()
    if (done !== true) return value
    throw new Error(message(await ended))
  }
  if ((await lines.next()).done === true) {
    const code = await ended
    if (code === refusal) return { skipped: message(code) }
    throw new Error(message(code))
  }
  return {
    ask: (line) => {
      child.stdin.write(`${line}\n`)
      return next()
    },
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}
