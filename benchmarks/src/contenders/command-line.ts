// Runs a command line of the shell with its output in a file, and takes time, processor time and peak memory. Peak memory
// and processor time come from GNU time (wait4), where it is installed; without it they are not measured. Used by the
// contenders that are commands.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Prepared, Run, Task } from '../contender.ts'

/** A command line and where its parts go. */
export interface CommandLine {
  /** For `sh -c`. `$TIME` stands before the programs whose memory counts. */
  readonly script: string
  /** Exit codes that are no failure. */
  readonly successes: readonly number[]
  /** Where the command works, where that is not the task's input. */
  readonly task?: Task
  /** Tells what the output at a path amounts to, where that is not the kept records themselves. */
  readonly answer?: (output: string) => Promise<Answer>
}

const timeProgram = '/usr/bin/time'
let hasGnuTime: boolean | undefined

/** Whether GNU time is here; it alone tells processor time and peak memory. */
export function canMeasureMemory(): boolean {
  hasGnuTime ??= existsSync(timeProgram) && succeeds(timeProgram, ['-f', '%M', 'true'])
  return hasGnuTime
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Returns the text as one word of a shell command. */
export function quote(text: string): string {
  return /^[\w./:=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Returns the command, ready to be run: its output goes to `id`.out in the task's folder. */
export function prepareCommand(id: string, line: CommandLine, task: Task): Prepared {
  const output = join(task.folder, `${id}.out`)
  const measures = join(task.folder, `${id}.time`)
  return {
    ...(line.task === undefined ? {} : { task: line.task }),
    how: line.script.replaceAll('$TIME ', ''),
    run: () => runCommand(line, output, measures),
    close: async () => {
      rmSync(output, { force: true })
      rmSync(measures, { force: true })
    },
  }
}

async function runCommand(line: CommandLine, output: string, measures: string): Promise<Run> {
  rmSync(measures, { force: true })
  // `-a`: every program of a pipeline that is measured adds a line.
  const time = canMeasureMemory() ? `${timeProgram} -a -o ${quote(measures)} -f '%M %U %S'` : ''
  const script = line.script.replaceAll('$TIME ', `${time} `)
  const file = openSync(output, 'w')
  try {
    const seconds = await runScript(script, file, line.successes)
    return { seconds, ...readMeasures(measures), answer: () => (line.answer ?? readAnswer)(output) }
  } finally {
    closeSync(file)
  }
}

/** Runs a script with its output in a file, and returns its time from before its start to its end. */
async function runScript(script: string, output: number, successes: readonly number[]): Promise<number> {
  const errors: Buffer[] = []
  const started = process.hrtime.bigint()
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', output, 'pipe'] })
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const [code, ended] = await new Promise<[number | null, bigint]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve([status, process.hrtime.bigint()]))
  })
  if (code === null || !successes.includes(code)) {
    throw new Error(`ended with ${code}: ${Buffer.concat(errors).toString().trim().slice(0, 300)}`)
  }
  return Number(ended - started) / 1e9
}

function readMeasures(path: string): { cpuSeconds?: number; peakBytes?: number } {
  if (!existsSync(path)) return {}
  const lines = readFileSync(path, 'utf8').matchAll(/^(\d+) ([\d.]+) ([\d.]+)$/gm)
  const programs = Array.from(lines, ([, kilobytes, user, system]) => ({
    peakBytes: Number(kilobytes) * 1024,
    cpuSeconds: Number(user) + Number(system),
  }))
  if (programs.length === 0) return {}
  return {
    peakBytes: Math.max(...programs.map(({ peakBytes }) => peakBytes)),
    cpuSeconds: programs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  }
}

async function readAnswer(output: string): Promise<Answer> {
  const hash = createHash('sha256')
  let kept = 0
  for await (const chunk of createReadStream(output, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer
    hash.update(bytes)
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) kept++
  }
  return { kept, sha256: hash.digest('hex') }
}

/** Returns the first line of what the program says about its version, or undefined when it is not on PATH. */
export function versionOf(program: string): string | undefined {
  try {
    const text = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text.split('\n')[0]!.trim()
  } catch {
    return undefined
  }
}
