// Contenders: the rules in plain C++, simdjson's On-Demand parser and RE2, with the kernel's compiler flags and none of its
// techniques (benchmarks/native): over memory, and as a command from file to file. Compiled when first needed; where that
// fails, they are skipped with the reason.

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer, Contender, Prepared, Skipped, Task } from '../contender.ts'
import { digest } from '../expected.ts'
import { prepareCommand, quote } from './command-line.ts'
import { plainProgram, startResident } from './resident.ts'
import type { Resident } from './resident.ts'

/** What the program answers to `run`. */
interface Pass {
  readonly ns: number
  readonly kept: number
  readonly malformed: number
  readonly byRule: readonly number[]
}

const how = 'line by line: simdjson On-Demand, RE2, hash sets and memmem, rules one after another'

/** Over memory. Records are read no further than the rules need, kept ones too; but where some are malformed, as below. */
export const plainCpp: Contender = kernelContender('plain-cpp', 'plain C++, simdjson + RE2', false)

/** Over memory, and what is kept is parsed whole before it is copied, as Weir does by default. */
export const plainCppChecked: Contender = kernelContender(
  'plain-cpp-checked',
  'plain C++, simdjson + RE2, kept records parsed whole',
  true,
)

/** From file to file, kept records parsed whole. */
export const plainCppCommand: Contender = {
  id: 'plain-cpp-command',
  label: 'plain C++, simdjson + RE2',
  model: 'command',
  threads: 1,
  open: async (task) => {
    const program = plainProgram()
    if ('skipped' in program) return program
    const rules = await writeRules(task)
    // Over nothing: whether it knows these rules is told before anything is timed.
    const resident = await startResident(['--resident', rules, '/dev/null'])
    if ('skipped' in resident) return resident
    await resident.close()
    const script = `$TIME ${quote(program.path)} --check ${quote(rules)} ${quote(task.input.path)} -`
    return prepareCommand('plain-cpp-command', { script, successes: [0], threads: 1 }, task)
  },
}

function kernelContender(id: string, label: string, alwaysChecks: boolean): Contender {
  return {
    id,
    label,
    model: 'kernel',
    threads: 1,
    open: async (task) => {
      const checks = alwaysChecks || task.expected.byRoute.malformed > 0
      const flags = checks ? ['--check'] : []
      const resident = await startResident([...flags, '--resident', await writeRules(task), task.input.path])
      return 'skipped' in resident ? resident : prepare(id, resident, task, checks)
    },
  }
}

async function writeRules(task: Task): Promise<string> {
  const path = join(task.folder, `${task.case.name}.plain-rules.json`)
  await writeFile(path, JSON.stringify(task.case.rules))
  return path
}

function prepare(id: string, resident: Resident, task: Task, checks: boolean): Prepared | Skipped {
  return {
    how: checks ? `${how}; kept records parsed by simdjson’s DOM` : how,
    run: async () => {
      const pass = JSON.parse(await resident.ask('run')) as Pass
      return { seconds: pass.ns / 1e9, answer: () => answerOf(id, pass, resident, task) }
    },
    close: () => resident.close(),
  }
}

async function answerOf(id: string, pass: Pass, resident: Resident, task: Task): Promise<Answer> {
  const path = join(task.folder, `${id}.kept`)
  await resident.ask(`write ${path}`)
  const sha256 = digest([await readFile(path)])
  await rm(path)
  // Of malformed records only some are seen as such, and the others are counted by rules.
  const byRule = task.expected.byRoute.malformed > 0 ? {} : { byRule: pass.byRule }
  return { kept: pass.kept, sha256, ...byRule }
}
