// The command `npm run faults`: arguments, which runs are left to do, and the table of what came of them. The state file
// holds every run that is done, so that a long run can be gone on with. Called by .ci/faults.mjs.

import { readFile, rename, writeFile } from 'node:fs/promises'

import { isStoreName, storeNames, whyNoStore } from '../servers/s3/stores.js'
import type { StoreName } from '../servers/s3/stores.js'
import { needsOf } from './fault.js'
import type { Fault, Figures, Scale } from './fault.js'
import { faults as allFaults } from './list.js'
import { lackFor, runFault } from './running.js'

/** What the command is told. */
export interface FaultsRequest {
  readonly isList: boolean
  readonly faults: readonly Fault[]
  /** Seeds 1 to so many. */
  readonly seeds: number
  readonly scale: Scale
  readonly isResumed: boolean
  /** A file of records to be posted. */
  readonly records?: string
  /** In place of the usual one. */
  readonly store?: StoreName
}

/** Wrong arguments; the message says which. */
export class FaultsUsageError extends Error {
  override readonly name = 'FaultsUsageError'
}

/** How the command is called. */
export const usage =
  'npm run faults -- --list | [--only NAME…] [--seeds N] [--full] [--resume] [--records FILE] [--store NAME]'

/** Reads the arguments. *Errors*: `FaultsUsageError`. */
export function parseArguments(args: readonly string[]): FaultsRequest {
  const names = new Set<string>()
  const flags = new Set<string>()
  let seeds = 1
  let records: string | undefined
  let store: StoreName | undefined
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!
    if (arg === '--only') {
      while (index + 1 < args.length && !args[index + 1]!.startsWith('-'))
        for (const name of args[++index]!.split(',')) names.add(name)
      if (names.size === 0) throw new FaultsUsageError('--only takes the names of faults.')
    } else if (arg === '--seeds') {
      seeds = Number(args[++index])
      if (!Number.isSafeInteger(seeds) || seeds < 1) throw new FaultsUsageError('--seeds takes a number from 1.')
    } else if (arg === '--records') {
      records = args[++index]
      if (records === undefined) throw new FaultsUsageError('--records takes a file of records.')
    } else if (arg === '--store') store = readStore(args[++index])
    else if (['--list', '--full', '--resume'].includes(arg)) flags.add(arg)
    else throw new FaultsUsageError(`Unknown argument ${arg}.`)
  }
  const unknown = [...names].find((name) => !allFaults.some((fault) => fault.name === name))
  if (unknown !== undefined) throw new FaultsUsageError(`There is no fault ${unknown}; see --list.`)
  const chosen = names.size === 0 ? allFaults : allFaults.filter(({ name }) => names.has(name))
  const deaf = records === undefined ? undefined : chosen.find(({ takesRecords }) => takesRecords !== true)
  if (deaf !== undefined) throw new FaultsUsageError(`${deaf.name} posts no records of a file; choose with --only.`)
  const storeless = store === undefined ? undefined : chosen.find((fault) => !needsOf(fault).includes('s3'))
  if (storeless !== undefined) throw new FaultsUsageError(`${storeless.name} has no store; choose with --only.`)
  return {
    isList: flags.has('--list'),
    faults: chosen,
    seeds,
    scale: flags.has('--full') ? 'full' : 'reduced',
    isResumed: flags.has('--resume'),
    ...(records === undefined ? {} : { records }),
    ...(store === undefined ? {} : { store }),
  }
}

function readStore(word: string | undefined): StoreName {
  if (isStoreName(word)) return word
  const known = storeNames.join(' and ')
  throw new FaultsUsageError(
    word === undefined ? `--store takes ${known}.` : `There is no store ${word}; there are ${known}.`,
  )
}

/** A run that is done, as the state file has it. */
interface DoneRun extends Omit<Figures, 'faults' | 'notes'> {
  readonly fault: string
  readonly seed: number
  readonly scale: Scale
  readonly seconds: number
  /** Absent: the usual one, or none. */
  readonly store?: StoreName
}

/** What the command is given beside its arguments. */
export interface CommandParts {
  /** Where runs that are done are noted. */
  readonly stateFile: string
  readonly print: (line: string) => void
}

/** Runs what is asked for. Returns the exit code: 0 when everything was as promised, 1 when not, 2 for wrong arguments. */
export async function runCommand(args: readonly string[], parts: CommandParts): Promise<number> {
  const { print } = parts
  if (args.includes('--help')) {
    print(`Usage: ${usage}`)
    return 0
  }
  let request: FaultsRequest
  try {
    request = parseArguments(args)
  } catch (error) {
    if (!(error instanceof FaultsUsageError)) throw error
    print(`${error.message}\nUsage: ${usage}`)
    return 2
  }
  if (!request.isList) return runAll(request, parts)
  for (const { name, what } of request.faults) print(`${name.padEnd(15)} ${what}`)
  return 0
}

async function runAll(request: FaultsRequest, { stateFile, print }: CommandParts): Promise<number> {
  const { faults, seeds, scale, records, store } = request
  const missing = store === undefined ? undefined : await whyNoStore(store)
  if (missing !== undefined) {
    print(`There is no ${store} here: ${missing}.`)
    return 1
  }
  const options = {
    ...{ scale, log: () => undefined },
    ...(records === undefined ? {} : { records }),
    ...(store === undefined ? {} : { store }),
  }
  const done = request.isResumed ? await readState(stateFile) : []
  const skipped: string[] = []
  let failures = 0
  for (const fault of faults) {
    const lack = await lackFor(fault, store)
    if (lack !== undefined) {
      skipped.push(`${fault.name}: skipped, ${lack}`)
      continue
    }
    for (let seed = 1; seed <= seeds; seed++) {
      if (done.some((run) => run.fault === fault.name && run.seed === seed && isAskedFor(run, request))) continue
      const { figures, error, seconds, folder } = await runFault(fault, { seed, ...options })
      if (figures !== undefined && folder === undefined) {
        const { posted, answered, lost, twice, disordered = 0, notes = '' } = figures
        print(`ok    ${fault.name}, seed ${seed}, ${seconds.toFixed(1)} s  ${notes}`)
        const counts = { posted, answered, lost, twice, disordered, seconds }
        done.push({ fault: fault.name, seed, scale, ...counts, ...(store === undefined ? {} : { store }) })
        await writeState(stateFile, done)
      } else {
        failures++
        print(`FAIL  ${fault.name}, seed ${seed}: everything lies in ${folder}`)
        for (const line of figures?.faults ?? [error ?? '']) print(`      ${line}`)
      }
    }
  }
  print(`\n${table(done.filter((run) => isAskedFor(run, request)))}`)
  for (const line of skipped) print(line)
  print(failures === 0 ? `\n${scale}: nothing lost` : `\n${scale}: ${failures} runs failed`)
  return failures === 0 ? 0 : 1
}

/** Whether a run that is done is one of those that a request is for. */
function isAskedFor(run: DoneRun, { faults, seeds, scale, store }: FaultsRequest): boolean {
  const [usual] = storeNames
  const isOfThem = faults.some(({ name }) => name === run.fault) && run.seed <= seeds
  return isOfThem && run.scale === scale && (run.store ?? usual) === (store ?? usual)
}

/** Figures that are summed up, and how their columns are called. */
const summed = [
  ['posted', 'sent'],
  ['answered', 'acknowledged'],
  ['lost', 'lost'],
  ['twice', 'duplicated'],
  ['disordered', 'out of order'],
  ['seconds', 'seconds'],
] as const

/** A line for each fault, and their sums. */
function table(runs: readonly DoneRun[]): string {
  const names = [...new Set(runs.map(({ fault }) => fault))]
  const row = (name: string, of: readonly DoneRun[]) => {
    const sums = summed.map(([figure]) => Math.round(of.reduce((total, run) => total + (run[figure] ?? 0), 0)))
    return [name, String(of.length), ...sums.map((sum) => sum.toLocaleString('en-US'))]
  }
  const rows = [
    ['fault', 'seeds', ...summed.map(([, title]) => title)],
    ...names.map((name) => row(name, runs.filter(({ fault }) => fault === name))), // prettier-ignore
    row('all', runs),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  return rows
    .map((cells) =>
      cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
    ) // prettier-ignore
    .join('\n')
}

async function readState(file: string): Promise<DoneRun[]> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { done: DoneRun[] }).done
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new Error(`${file} cannot be read; delete it to begin anew.`, { cause: error })
  }
}

/** Written aside and renamed: a run that is broken off leaves a whole file. */
async function writeState(file: string, done: readonly DoneRun[]): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify({ done }, undefined, 2)}\n`)
  await rename(`${file}.new`, file)
}
