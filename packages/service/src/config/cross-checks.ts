// What settings may not say together, each of them being good alone: two outputs in one folder, a server that
// everybody may post to. Called by load.ts with settings that the schema has accepted.

import path from 'node:path'

import { addressOf, isLoopback, isSameAddress } from '../address.ts'
import type { ListenAddress } from '../address.ts'
import { checkKafka } from './kafka-checks.ts'
import { formatSize } from './quantities.ts'
import { formatPath, leavesOf, nodeAt } from './outline.ts'
import type { Path } from './outline.ts'
import type { ProblemList } from './problems.ts'
import { checkS3 } from './s3-checks.ts'
import { routeName } from './schema.ts'
import type { FileSourceSettings, HttpSourceSettings, PipelineSettings, Settings, SinkSettings } from './schema.ts'

/** A setting and where it stands. */
interface Placed<T> {
  readonly path: Path
  readonly value: T
}

/** What the checks ask of the system; nothing is asked where a function is absent. */
export interface FileQuestions {
  /** Returns a path without symbolic links, as far as it exists. */
  readonly realPath?: (path: string) => string
  /** Returns why a file cannot be read, or undefined. */
  readonly unreadable?: (path: string) => string | undefined
}

/** Adds a problem for each contradiction. Paths in `settings` are absolute. */
export function checkTogether(settings: Settings, problems: ProblemList, questions: FileQuestions): void {
  for (const [name, pipeline] of Object.entries(settings.pipelines)) {
    checkPipeline(['pipelines', name], pipeline, problems)
    checkBudget(name, pipeline.source.http, settings, problems)
    checkBatchAge(name, pipeline, problems)
  }
  checkAdmin(settings.admin, problems)
  checkAddresses(settings, problems)
  checkFolders(settings, problems, questions.realPath ?? ((each) => each))
  checkStreams(settings, problems)
  checkKafka(settings, problems)
  checkS3(settings, problems)
  if (questions.unreadable !== undefined) checkReadable(settings, problems, questions.unreadable)
}

function checkPipeline(at: Path, pipeline: PipelineSettings, problems: ProblemList): void {
  checkChoice([...at, 'source'], pipeline.source, problems)
  for (const { path: place, value } of sinksOf(at, pipeline)) checkChoice(place, value, problems)
  for (const route of Object.keys(pipeline.routes)) checkRouteName([...at, 'routes', route], route, problems)
  if (pipeline.source.http !== undefined) checkHttp([...at, 'source', 'http'], pipeline.source.http, problems)
  if (pipeline.source.file !== undefined) checkFile([...at, 'source', 'file'], pipeline.source.file, problems)
  const place = [...at, 'validation']
  if (pipeline.validation === 'full') return
  // Without rules nothing is read and nothing dropped: what is too long is all that is malformed, and exact.
  if (pipeline.validation === 'read' && pipeline.rules === undefined) return
  const why = 'an output for them needs each record checked in full'
  if (pipeline.deadLetter !== undefined && pipeline.deadLetter.discard === undefined) {
    problems.add(place, `There is a \`deadLetter\` for malformed records, and ${why}.`, { suggestion: 'write `full`' })
  } else if (pipeline.routes.drop !== undefined && pipeline.routes.drop.discard === undefined) {
    problems.add(place, `Dropped records are written, and ${why}.`, { suggestion: 'write `full`' })
  }
}

function checkChoice(at: Path, group: object, problems: ProblemList): void {
  const given = Object.keys(group)
  if (given.length === 1) return
  const node = nodeAt(at)
  const names = node?.kind === 'group' ? [...node.entries.keys()].join(', ') : ''
  const message = given.length === 0 ? 'Nothing is chosen.' : `Only one of ${given.join(' and ')} can be given.`
  problems.add(at, message, { suggestion: `give exactly one of ${names}`, atKey: true })
}

function checkRouteName(at: Path, route: string, problems: ProblemList): void {
  if (route === 'malformed') {
    const suggestion = 'write `deadLetter:` beside `routes:`'
    problems.add(at, 'Malformed records are no route of the rules.', { suggestion, atKey: true })
  } else if (route === 'default' || !routeName.pattern.test(route)) {
    problems.add(at, `${JSON.stringify(route)} cannot be a route: give ${routeName.words}.`, { atKey: true })
  }
}

function checkHttp(at: Path, http: HttpSourceSettings, problems: ProblemList): void {
  const address = addressOf(http.listen)
  if (http.users !== undefined && http.allowAnonymous) {
    problems.add([...at, 'allowAnonymous'], 'There are `users`, so nobody is anonymous.', { suggestion: 'drop one of the two' }) // prettier-ignore
  } else if (http.users === undefined && !http.allowAnonymous && address !== undefined && !isLoopback(address)) {
    problems.add([...at, 'listen'], 'Other machines can reach it, and anybody there could post.', {
      suggestion: 'name `users: FILE`, or write `allowAnonymous: true`',
    })
  }
}

function checkFile(at: Path, file: FileSourceSettings, problems: ProblemList): void {
  if (file.follow && file.stateFile === undefined) {
    problems.add([...at, 'stateFile'], 'A file that is followed needs its position stored.', {
      suggestion: `as stateFile: ${path.basename(file.path)}.position`,
    })
  }
  if (!file.follow && file.from === 'end') {
    problems.add([...at, 'from'], 'A file that is read once from its end has no records.', {
      suggestion: 'write `follow: true`, or drop `from`',
    })
  }
}

function checkBudget(name: string, http: HttpSourceSettings | undefined, settings: Settings, problems: ProblemList) {
  if (http === undefined) return
  const needed = http.maxBodyBytes + http.maxInflatedBytes
  if (settings.limits.inFlightBytes >= needed) return
  const place = formatPath(['pipelines', name, 'source', 'http'])
  problems.add(['limits', 'inFlightBytes'], `The largest body that ${place} takes would be refused for ever.`, {
    suggestion: `give at least ${formatSize(needed)}, or lower its \`maxBodyBytes\` or \`maxInflatedBytes\``,
  })
}

/** A body waits for its batch, and then for the disk. */
function checkBatchAge(name: string, { source, batchAgeMs }: PipelineSettings, problems: ProblemList): void {
  if (source.http === undefined || 2 * batchAgeMs <= source.http.answerWithinMs) return
  const place = formatPath(['pipelines', name, 'source', 'http', 'answerWithinMs'])
  problems.add(
    ['pipelines', name, 'batchAgeMs'],
    'Bodies would be answered 503 while their batch still waits to fill.',
    {
      suggestion: `give at most half of ${place}`,
    },
  )
}

function checkAdmin({ listen, token }: Settings['admin'], problems: ProblemList): void {
  const address = addressOf(listen)
  if (address === undefined || token !== undefined || isLoopback(address)) return
  problems.add(['admin', 'listen'], 'Other machines can reach it, and anybody there could change rules.', {
    suggestion: 'name `token: FILE`',
  })
}

function checkAddresses(settings: Settings, problems: ProblemList): void {
  const addresses: Placed<ListenAddress>[] = []
  for (const leaf of leavesOf(settings)) {
    const address = leaf.node.field.kind === 'address' ? addressOf(String(leaf.value)) : undefined
    if (address === undefined) continue
    const other = addresses.find(({ value }) => isSameAddress(value, address))
    if (other !== undefined) {
      problems.add(leaf.path, `${formatPath(other.path)} listens there too.`, { suggestion: 'choose another port' })
    }
    addresses.push({ path: leaf.path, value: address })
  }
}

/** Outputs that share a folder would take each other's files for left-overs. */
function checkFolders(settings: Settings, problems: ProblemList, realPath: (path: string) => string): void {
  const outputs: Placed<string>[] = []
  const sources: Placed<string>[] = []
  const states: Placed<string>[] = []
  for (const { path: place, node, value } of leavesOf(settings)) {
    const real = () => realPath(String(value))
    if (node.field.kind === 'folder') outputs.push({ path: place, value: real() })
    else if (place.at(-2) === 'file' && place.at(-1) === 'path') sources.push({ path: place, value: real() })
    else if (place.at(-1) === 'stateFile') states.push({ path: place, value: real() })
  }
  for (const [i, output] of outputs.entries()) {
    const other = outputs
      .slice(0, i)
      .find(({ value }) => isWithin(value, output.value) || isWithin(output.value, value))
    if (other === undefined) continue
    const how = other.value === output.value ? 'is the same folder' : 'lies within it, or the other way round'
    problems.add(output.path, `${formatPath(other.path)} ${how}.`, {
      suggestion: 'give each output a folder of its own',
    })
  }
  for (const source of sources) {
    const output = outputs.find(
      ({ path: place, value }) => place[1] === source.path[1] && isWithin(value, source.value),
    )
    if (output === undefined) continue
    problems.add(source.path, `${formatPath(output.path)} writes into the folder that is read from.`, {
      suggestion: 'write elsewhere, or what is kept would be read again',
    })
  }
  for (const [i, state] of states.entries()) {
    const other = [...sources, ...states.slice(0, i)].find(({ value }) => value === state.value)
    if (other === undefined) continue
    problems.add(state.path, `${formatPath(other.path)} is the same file.`, { suggestion: 'name a file of its own' })
  }
}

/** Returns whether `inner` is `outer` or lies in it. */
function isWithin(outer: string, inner: string): boolean {
  const between = path.relative(outer, inner)
  return between === '' || (between !== '..' && !between.startsWith(`..${path.sep}`) && !path.isAbsolute(between))
}

/** There is one standard input and one standard output. */
function checkStreams(settings: Settings, problems: ProblemList): void {
  const seen = new Map<string, Path>()
  const check = (kind: string, at: Path) => {
    const other = seen.get(kind)
    if (other === undefined) seen.set(kind, at)
    else problems.add(at, `${formatPath(other)} has it already, and there is only one.`, { atKey: true })
  }
  for (const [name, pipeline] of Object.entries(settings.pipelines)) {
    if (pipeline.source.stdin !== undefined) check('stdin', ['pipelines', name, 'source', 'stdin'])
    for (const { path: at, value } of sinksOf(['pipelines', name], pipeline)) {
      if (value.stdout !== undefined) check('stdout', [...at, 'stdout'])
    }
  }
}

function checkReadable(
  settings: Settings,
  problems: ProblemList,
  unreadable: (path: string) => string | undefined,
): void {
  for (const { path: at, node, value } of leavesOf(settings)) {
    if (node.field.isRead !== true || typeof value !== 'string') continue
    const reason = unreadable(value)
    // Rules that may come later.
    if (at.length === 3 && at[2] === 'rules' && settings.pipelines[String(at[1])]?.rulesOnError === 'keep') continue
    // A secret may stand where its file should be named, so the name is not told.
    if (reason !== undefined) problems.add(at, `The file cannot be read: ${reason}.`)
  }
  // One that is followed may come later.
  for (const [name, { source }] of Object.entries(settings.pipelines)) {
    if (source.file === undefined || source.file.follow) continue
    const reason = unreadable(source.file.path)
    const at = ['pipelines', name, 'source', 'file', 'path']
    if (reason !== undefined) problems.add(at, `The file cannot be read: ${reason}.`)
  }
}

function sinksOf(at: Path, { routes, deadLetter }: PipelineSettings): Placed<SinkSettings>[] {
  const sinks = Object.entries(routes).flatMap(([route, value]) =>
    value === undefined ? [] : [{ path: [...at, 'routes', route], value }],
  )
  return deadLetter === undefined ? sinks : [...sinks, { path: [...at, 'deadLetter'], value: deadLetter }]
}
