// What a result file says about where it was measured. Reads the machine, the commit and the tools; changes nothing.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { versionOf } from './contenders/command-line.ts'

/** Machine, software and commit. */
export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Commit of the checkout, and whether files differ from it. */
  readonly commit: string | undefined
  readonly isModified: boolean
  readonly tools: Readonly<Record<string, string | undefined>>
}

/** Returns what this run is measured on. */
export function describeMachine(folder: string): Machine {
  const git = (...args: string[]): string | undefined => {
    try {
      return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return undefined
    }
  }
  return {
    processor: processorName(),
    processors: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    commit: git('rev-parse', 'HEAD'),
    isModified: git('status', '--porcelain') !== '',
    tools: { jq: versionOf('jq'), rg: versionOf('rg') },
  }
}

/** The processor's name, with family and model: several generations share a name. */
function processorName(): string {
  const name = os.cpus()[0]?.model.trim() ?? 'unknown'
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const value = (key: string): string | undefined => new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(text)?.[1]
    const family = value('cpu family')
    return family === undefined ? name : `${name} (family ${family}, model ${value('model')})`
  } catch {
    return name
  }
}
