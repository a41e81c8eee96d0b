// Decides where the records of each route go, from the options of `weir filter`: refuses what would lose records or
// write over an input, then opens the sinks. Called by filter.ts.

import { fstatSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'

import { ConfigError } from '../errors.ts'
import type { Interrupts } from '../interrupts.ts'
import type { Sink } from '../ports/sink.ts'
import { openFileSink } from '../sinks/file.ts'
import { openStdoutSink, stdoutDescriptor } from '../sinks/stdout.ts'
import { fileIdentity, findTarget } from '../sinks/target.ts'
import type { Target } from '../sinks/target.ts'
import { inputName, stdinPath } from '../sources/file.ts'
import { listFilesAmong } from './list-files.ts'

/** A route's output, as the command line has it. */
export interface NamedOutput {
  readonly route: string
  /** A path; `-` is standard output. */
  readonly file: string
}

/** The options that name outputs. */
export interface OutputOptions {
  readonly output?: string
  readonly route: readonly NamedOutput[]
  readonly dropped?: string
  readonly malformed?: string
  readonly count: boolean
}

/** An output that is known to be usable and not yet opened. */
export interface PlannedOutput {
  readonly route: string
  /** The option that named it, for messages. */
  readonly option: string
  /** Absent for standard output. */
  readonly target?: Target
}

const stdoutPath = '-'
/** Open descriptors to which messages, counts and records go. */
const standardStreams = [
  [stdoutDescriptor, 'standard output'],
  [2, 'standard error'],
] as const
/** Routes that every rule set has, and the options that give them an output. */
const builtInRoutes: Readonly<Record<string, string>> = { keep: '-o', drop: '--dropped', malformed: '--malformed' }

/** Reads `NAME=FILE`. *Errors*: `ERR_CONFIG_OPTION`. */
export function parseRouteOption(text: string): NamedOutput {
  const equals = text.indexOf('=')
  if (equals < 1 || equals === text.length - 1) {
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      `--route ${text}: give a route and its file, as --route slow=slow.ndjson.`,
    )
  }
  return { route: text.slice(0, equals), file: text.slice(equals + 1) }
}

/**
 * Returns the output of each wanted route.
 * *Errors*: `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT` names the routes and the rules' flag; `ERR_CONFIG_UNKNOWN_ROUTE`;
 * `ERR_CONFIG_SAME_FILE` when two outputs are one; `ERR_CONNECTOR_CREATE`.
 */
export async function planOutputs(options: OutputOptions, routes: readonly string[]): Promise<PlannedOutput[]> {
  const named = routes.filter((route) => !(route in builtInRoutes))
  checkRoutes(options, named)
  const outputs: (NamedOutput & { option: string })[] = []
  const add = (route: string, option: string, file: string | undefined) => {
    if (file !== undefined) outputs.push({ route, option, file })
  }
  // With --count alone nothing is asked for but the number.
  add('keep', '-o', options.output ?? (options.count ? undefined : stdoutPath))
  for (const { route, file } of options.route) add(route, `--route ${route}`, file)
  add('drop', '--dropped', options.dropped)
  add('malformed', '--malformed', options.malformed)
  const planned: PlannedOutput[] = []
  for (const { route, option, file } of outputs) {
    const target = file === stdoutPath ? undefined : await findTarget(file)
    planned.push(target === undefined || target.fd === stdoutDescriptor ? { route, option } : { route, option, target })
  }
  refuseSharedOutputs(planned, options.count)
  return planned
}

function checkRoutes(options: OutputOptions, named: readonly string[]): void {
  const given = new Set<string>()
  for (const { route } of options.route) {
    const builtIn = Object.hasOwn(builtInRoutes, route) ? builtInRoutes[route] : undefined
    if (builtIn !== undefined) {
      throw new ConfigError(
        'ERR_CONFIG_OPTION',
        `--route ${route}=…: this route's output is given with ${builtIn} FILE.`,
      )
    }
    if (!named.includes(route)) {
      const known = named.length === 0 ? 'no rule names a route' : `the rules name ${named.join(', ')}`
      throw new ConfigError('ERR_CONFIG_UNKNOWN_ROUTE', `--route ${route}=…: no rule has this route; ${known}.`, {
        route,
        routes: named,
      })
    }
    if (given.has(route)) {
      throw new ConfigError('ERR_CONFIG_OPTION', `--route ${route}=… is given twice; a route has one output.`)
    }
    given.add(route)
  }
  const missing = options.count ? [] : named.filter((route) => !given.has(route))
  if (missing.length > 0) {
    const flags = missing.map((route) => `--route ${route}=FILE`).join(' ')
    throw new ConfigError(
      'ERR_CONFIG_ROUTE_WITHOUT_OUTPUT',
      `The rules send records to ${list(missing)}, which ${missing.length === 1 ? 'has' : 'have'} no output: give ${flags} (/dev/null discards).`,
      { routes: missing },
    )
  }
}

function list(routes: readonly string[]): string {
  return `the ${routes.length === 1 ? 'route' : 'routes'} ${routes.join(', ')}`
}

function refuseSharedOutputs(planned: readonly PlannedOutput[], isCounting: boolean): void {
  const stdoutIdentity = fileIdentity(fstatSync(stdoutDescriptor)) ?? 'stdout'
  const owners = new Map<string, string>()
  if (isCounting) owners.set(stdoutIdentity, '--count')
  for (const { option, target } of planned) {
    const identity = target === undefined ? stdoutIdentity : target.identity
    if (identity === undefined) continue
    const owner = owners.get(identity)
    if (owner !== undefined) {
      const isRedirected = target !== undefined && identity === stdoutIdentity
      const where = target === undefined ? 'standard output' : `the file ${target.name}`
      const how = isRedirected ? ', one of them by standard output, which is redirected there' : ''
      throw new ConfigError('ERR_CONFIG_SAME_FILE', `${owner} and ${option} both write to ${where}${how}.`)
    }
    owners.set(identity, option)
  }
  refuseRedirectedFiles(planned)
}

/**
 * Refuses an output in the file that standard output or standard error is redirected to: renaming would unlink that
 * file, and what else goes there would be lost with it.
 */
function refuseRedirectedFiles(planned: readonly PlannedOutput[]): void {
  for (const [fd, stream] of standardStreams) {
    const identity = regularIdentity(fstatSync(fd))
    const same = planned.find(({ target }) => target?.identity === identity && target?.fd !== fd)
    if (identity === undefined || same === undefined) continue
    throw new ConfigError(
      'ERR_CONFIG_SAME_FILE',
      `${same.option} ${same.target?.name} is the file that ${stream} goes to: write to another file.`,
    )
  }
}

/** Refuses an output that is also something the command reads. *Errors*: `ERR_CONFIG_SAME_FILE`. */
export async function refuseInputsAsOutputs(
  planned: readonly PlannedOutput[],
  inputs: readonly string[],
  rulesFile: string,
): Promise<void> {
  const read = new Map<string, string>()
  for (const input of inputs) {
    const identity = await inputIdentity(input)
    if (identity !== undefined) read.set(identity, `the input ${inputName(input)}`)
  }
  const rules = await inputIdentity(rulesFile)
  if (rules !== undefined) read.set(rules, `the rule file ${rulesFile}`)
  const written = planned.map(({ option, target }) => {
    const identity = target === undefined ? regularIdentity(fstatSync(1)) : target.identity
    return { option, target, identity }
  })
  const suspects = new Set(written.flatMap(({ identity }) => identity ?? []))
  for (const [identity, file] of listFilesAmong(suspects, rulesFile)) read.set(identity, `the list file ${file}`)
  for (const { option, target, identity } of written) {
    const reader = identity === undefined ? undefined : read.get(identity)
    if (reader !== undefined) {
      const where = target === undefined ? 'standard output' : `${option} ${target.name}`
      throw new ConfigError('ERR_CONFIG_SAME_FILE', `${where} is ${reader}: write to another file.`)
    }
  }
}

async function inputIdentity(input: string): Promise<string | undefined> {
  try {
    const stats = input === stdinPath ? fstatSync(0) : await stat(input)
    return input === stdinPath ? regularIdentity(stats) : fileIdentity(stats)
  } catch {
    // A missing input is reported when its turn comes.
    return undefined
  }
}

/** A terminal or a socket is often input and output at once. */
function regularIdentity(stats: Stats): string | undefined {
  return stats.isFile() ? fileIdentity(stats) : undefined
}

/** Opens all outputs, or none. *Errors*: `ERR_CONNECTOR_CREATE`. */
export async function openSinks(
  planned: readonly PlannedOutput[],
  interrupts: Interrupts,
): Promise<ReadonlyMap<string, Sink>> {
  const sinks = new Map<string, Sink>()
  try {
    for (const { route, target } of planned) {
      sinks.set(route, target === undefined ? openStdoutSink() : await openFileSink(target, interrupts))
    }
    return sinks
  } catch (error) {
    for (const sink of sinks.values()) await sink.discard()
    throw error
  }
}
