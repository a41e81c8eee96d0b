// What a result file says about where it was measured. Reads the machine, the commit and the tools; changes nothing.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { lineTools } from './contenders/ripgrep.ts'
import { peers } from './peers/list.ts'

/** Machine, software and commit. */
export interface Machine {
  readonly processor: string
  readonly processors: number
  /** What the processor can do, of what kernels ask for; absent where the system does not tell. */
  readonly instructions?: readonly string[]
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Commit of the checkout, and whether files differ from it. */
  readonly commit: string | undefined
  readonly isModified: boolean
  /** Digest of what differs, other than results; absent where nothing does. */
  readonly changes?: string
  /** Versions of the programs that take part, undefined for those that are not installed. */
  readonly tools: Readonly<Record<string, string | undefined>>
  /** Versions of the packages that take part, and of what measures them. */
  readonly packages?: Readonly<Record<string, string>>
}

/** Instruction sets that make a difference to what is measured here, as Linux calls them. */
const toldInstructions = [
  'sse4_2',
  'avx',
  'avx2',
  'bmi2',
  'pclmulqdq',
  'avx512f',
  'avx512bw',
  'avx512_vbmi2',
  'asimd',
  'sve',
]

/** Returns what this run is measured on; `folder` is that of the benchmarks. */
export function describeMachine(folder: string): Machine {
  const git = (...args: string[]): string | undefined => {
    try {
      return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return undefined
    }
  }
  const changes = changesOf(dirname(folder))
  return {
    processor: processorName(),
    processors: os.availableParallelism(),
    ...instructionSets(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    commit: git('rev-parse', 'HEAD'),
    isModified: changes !== undefined,
    ...(changes === undefined ? {} : { changes }),
    tools: {
      ...Object.fromEntries([...Object.values(lineTools), ...peers].map(({ id, tool }) => [id, tool.find()?.version])),
    },
    packages: packageVersions(join(folder, 'package.json')),
  }
}

/** Returns the first line that a run prints: what it was measured on, and the load when it began. */
export function headOf(machine: Machine, load: readonly number[]): string {
  const { processor, processors, system, node, commit, isModified } = machine
  const state = `${commit?.slice(0, 12) ?? 'no commit'}${isModified ? ' with changes' : ''}`
  return `${processor}, ${processors} processors, ${system}, Node ${node}, commit ${state}, load ${load[0]!.toFixed(2)}`
}

/** Returns the name of a result file. `at`: when the run began, as ISO 8601 has it; `model`: what it was about. */
export function resultName({ commit, isModified }: Machine, at: string, model: string): string {
  return `${at.slice(0, 10)}-${commit?.slice(0, 12) ?? 'no-commit'}${isModified ? '-changed' : ''}-${model}.json`
}

/** Returns the versions of what the benchmarks' manifest names: dependencies are pinned there. */
function packageVersions(manifest: string): Record<string, string> {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies?: Record<string, string>
    devDependencies?: Record<string, string>
  }
  return { ...dependencies, ...devDependencies }
}

function instructionSets(): { instructions?: string[] } {
  const flags = cpuInfo('flags') ?? cpuInfo('Features')
  if (flags === undefined) return {}
  const known = new Set(flags.split(' '))
  return { instructions: toldInstructions.filter((name) => known.has(name)) }
}

/** Returns what Linux tells of the first processor under a key. */
function cpuInfo(key: string): string | undefined {
  try {
    return new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

/**
 * Returns a digest of everything in a checkout that differs from its commit, other than results, or undefined where
 * nothing does or there is no commit.
 */
function changesOf(root: string): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] })
  const others = ['--', '.', ':!benchmarks/results']
  try {
    const changed = git('diff', 'HEAD', '--binary', ...others)
    const added = git('ls-files', '--others', '--exclude-standard', '-z', ...others)
      .split('\0')
      .filter((name) => name !== '')
    if (changed === '' && added.length === 0) return undefined
    const hash = createHash('sha256').update(changed)
    for (const name of added) hash.update(name).update(readFileSync(join(root, name)))
    return hash.digest('hex').slice(0, 16)
  } catch {
    return undefined
  }
}

/** The processor's name, with family and model: several generations share a name. */
function processorName(): string {
  const name = os.cpus()[0]?.model.trim() ?? 'unknown'
  const family = cpuInfo('cpu family')
  return family === undefined ? name : `${name} (family ${family}, model ${cpuInfo('model')})`
}
