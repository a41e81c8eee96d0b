// Runs one fault once: a seed, a folder of its own, what the machine lacks, and everything cleaned up behind it. Called by the
// tests of faults and the command.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { skipWithout } from '../required.js'
import { whyNoKafka } from '../servers/kafka/install.js'
import type { ProxiedBroker } from '../servers/kafka/proxied.js'
import { whyNoStore } from '../servers/s3/stores.js'
import type { StoreName } from '../servers/s3/stores.js'
import { clockLibrary } from './clock.js'
import { needsOf } from './fault.js'
import type { Fault, FaultContext, Figures, Need, Scale } from './fault.js'

/** What is wanted of a run. */
export interface RunOptions {
  readonly seed: number
  readonly scale: Scale
  readonly log: (line: string) => void
  /** All three: see `FaultContext`. */
  readonly kafka?: ProxiedBroker
  readonly records?: string
  readonly store?: StoreName
}

/** What a run came to. `error`: why there are no figures. */
export interface Run {
  readonly figures?: Figures
  readonly error?: string
  readonly seconds: number
  /** Where settings, outputs and the log lie, when something was wrong. */
  readonly folder?: string
}

/** Runs a fault. Never rejects. The folder stays where something was wrong. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Run> {
  const { seed } = options
  const folder = await mkdtemp(path.join(os.tmpdir(), `weir-fault-${fault.name}-${seed}-`))
  const cleanings: (() => Promise<void> | void)[] = []
  const context: FaultContext = {
    ...options,
    folder,
    random: new Random(seed),
    after: (clean) => cleanings.unshift(clean),
  }
  const began = performance.now()
  const done = await fault.run(context).then(
    (figures) => ({ figures }),
    (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
  const seconds = (performance.now() - began) / 1000
  const failure = await cleaned(cleanings)
  if (failure !== undefined) return { error: 'error' in done ? done.error : failure, seconds, folder }
  const isGood = 'figures' in done && done.figures.faults.length === 0
  if (!isGood) return { ...done, seconds, folder }
  await rm(folder, { recursive: true, force: true })
  return { ...done, seconds }
}

/** Does all of it: what one fails at must not leave the processes of the others behind. Returns the first failure. */
async function cleaned(cleanings: readonly (() => Promise<void> | void)[]): Promise<string | undefined> {
  let failure: string | undefined
  for (const clean of cleanings) {
    try {
      await clean()
    } catch (error) {
      failure ??= `Cleaning up failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    }
  }
  return failure
}

/** For each need, looks whether the machine has it; resolves with what to do where not. */
const lookFor: Readonly<Record<Need, (store?: StoreName) => Promise<string | undefined>>> = {
  linux: async () => (isLinux() ? undefined : 'run it on Linux, with prlimit'),
  tmpfs: async () => ((await hasTmpfs()) ? undefined : 'run as root where a tmpfs may be mounted'),
  kafka: whyNoKafka,
  python3: async () => whyNoPython(),
  s3: async (store) => whyNoPython() ?? whyNoStore(store),
  faketime: async () => (clockLibrary() === undefined ? 'install libfaketime; Debian has it as faketime' : undefined),
}

/** Returns what to do where the machine lacks what the fault needs; nothing where it lacks nothing. */
export async function lackFor(fault: Fault, store?: StoreName): Promise<string | undefined> {
  return (await firstLack(fault, store))?.cure
}

async function firstLack(
  fault: Fault,
  store?: StoreName,
): Promise<{ readonly need: Need; readonly cure: string } | undefined> {
  for (const need of needsOf(fault)) {
    const cure = await lookFor[need](store)
    if (cure !== undefined) return { need, cure }
  }
  return undefined
}

function isLinux(): boolean {
  return process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0
}

/** Objects are read back by a program in Python. */
function whyNoPython(): string | undefined {
  const isThere = spawnSync('python3', ['--version']).status === 0
  return isThere ? undefined : 'python3 is not installed; Debian has it as python3'
}

async function hasTmpfs(): Promise<boolean> {
  const at = await mkdtemp(path.join(os.tmpdir(), 'weir-disk-'))
  const isThere = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]).status === 0
  if (isThere) spawnSync('umount', [at])
  await rmdir(at)
  return isThere
}

/** Declares a test that runs a fault once, reduced. `WEIR_SEED` gives another seed. `kafka`: asked when the test runs. */
export function testFault(fault: Fault, kafka?: () => ProxiedBroker): void {
  const seed = Number(process.env['WEIR_SEED'] ?? 1)
  test(`${fault.name}: ${fault.what}`, async (t) => {
    const lack = await firstLack(fault)
    const skip = lack === undefined ? false : skipWithout(lack.need, false, lack.cure)
    if (skip !== false) return t.skip(skip)
    const { figures, error, folder } = await runFault(fault, {
      seed,
      scale: 'reduced',
      log: (line) => t.diagnostic(line),
      ...(kafka === undefined ? {} : { kafka: kafka() }),
    })
    if (error !== undefined) throw new Error(`${error}\nSeed ${seed}; everything lies in ${folder}.`)
    const { faults, lost, answered, ...rest } = figures!
    t.diagnostic(JSON.stringify({ answered, lost, ...rest }))
    if (faults.length > 0) throw new Error(`${faults.join('\n')}\nSeed ${seed}; everything lies in ${folder}.`)
    if (lost > 0 || answered === 0) throw new Error(`${lost} lost of ${answered}, seed ${seed}.`)
  })
}
