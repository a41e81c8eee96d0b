// Runs a command line of the shell with its output in a file, and takes time, processor time and peak memory. Peak memory
// and processor time come from GNU time (wait4), where it is installed; without it they are not measured. Used by the
// contenders that are commands.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { allowedProcessors } from '../calibration.ts'
import type { Answer, Prepared, Run, Task } from '../contender.ts'
import { launch } from './launcher.ts'
import type { Launch } from './launcher.ts'

/** A command line and where its parts go. */
export interface CommandLine {
  /** For `sh -c`. `$TIME` stands before the programs whose memory counts. */
  readonly script: string
  /** Exit codes that are no failure. */
  readonly successes: readonly number[]
  /** Processors that all its processes are pinned to: so many of those this process may use. */
  readonly threads: number
  /** Where the command works, where that is not the task's input. */
  readonly task?: Task
  /** Tells what the output at a path amounts to, where that is not the kept records themselves. */
  readonly answer?: (output: string) => Promise<Answer>
}

const timeProgram = '/usr/bin/time'
let hasGnuTime: boolean | undefined
let hasTaskset: boolean | undefined

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
  const output = outputOf(id, task)
  const measures = join(task.folder, `${id}.time`)
  const pin = pinTo(line.threads)
  return {
    ...(line.task === undefined ? {} : { task: line.task }),
    how: `${[...pin, line.script].join(' ').replaceAll('$TIME ', '')}${pin.length === 0 ? ' # not pinned' : ''}`,
    run: () => runCommand(line, { command: pin, output, env: { XDG_CACHE_HOME: cacheHomeOf(task) } }, measures),
    close: async () => {
      rmSync(output, { force: true })
      rmSync(measures, { force: true })
    },
  }
}

/** Returns where the output of a command goes. */
export function outputOf(id: string, task: Task): string {
  return join(task.folder, `${id}.out`)
}

/**
 * Returns where commands keep what makes their next start faster: the first run, which is not timed, fills it, and the folder of
 * whoever runs the suite stays as it is. Weir uses it only where nobody else can write.
 */
function cacheHomeOf({ folder }: Task): string {
  const home = join(folder, 'kept-by-commands')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  return home
}

/** The words before a command that pin it to so many processors; none where that cannot be done. */
export function pinTo(count: number): readonly string[] {
  const processors = process.platform === 'linux' ? allowedProcessors().slice(0, count) : []
  hasTaskset ??= succeeds('taskset', ['--version'])
  return processors.length === count && hasTaskset ? ['taskset', '-c', processors.join(',')] : []
}

/** `what`: where and how, and of the command the words before its script. */
async function runCommand(line: CommandLine, what: Launch, measures: string): Promise<Run> {
  rmSync(measures, { force: true })
  // `-a`: every program of a pipeline that is measured adds a line.
  const time = canMeasureMemory() ? `${timeProgram} -a -o ${quote(measures)} -f '%M %U %S'` : ''
  const script = line.script.replaceAll('$TIME ', `${time} `)
  const seconds = await runScript({ ...what, command: [...what.command, 'sh', '-c', script] }, line.successes)
  return { seconds, ...readMeasures(measures), answer: () => (line.answer ?? readAnswer)(what.output) }
}

/** Runs a script with its output in a file, and returns its time from before its start to its end. */
async function runScript(what: Launch, successes: readonly number[]): Promise<number> {
  const { seconds, code, errors } = await launch(what)
  if (code === null || !successes.includes(code)) throw new Error(`ended with ${code}: ${errors.trim().slice(0, 300)}`)
  return seconds
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
