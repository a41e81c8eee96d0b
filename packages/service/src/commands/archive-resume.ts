// `weir archive resume`: says where an archive goes on that has lost its offset, or that waits for records which its topic has
// lost: behind the newest object in the bucket, or, to write again what is gone from it, in a gap between objects. Nothing comes
// twice from there: what is there already is adopted. Called by archive.ts.

import { Command } from 'commander'

import { begunAt } from '../archive/begun.ts'
import { catalog } from '../archive/catalog.ts'
import { Chain } from '../archive/chain.ts'
import { isSameLog } from '../archive/ledger.ts'
import type { LogIdentity } from '../archive/ledger.ts'
import { newestEnd } from '../archive/newest.ts'
import type { PartitionScope } from '../archive/newest.ts'
import { ConfigError } from '../errors.ts'
import type { KafkaCluster } from '../kafka/port.ts'
import { offsetNote } from '../objects/offset-note.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { withArchives } from './archives.ts'
import type { Archive, ArchiveOptions } from './archives.ts'
import type { CommandContext } from './context.ts'
import { parseInteger, refuseRepeatedValues } from './option-values.ts'
import { addSettingsOptions, repeatableSettingsOptions } from './settings-options.ts'
import { fence, lineOf, reasonOf, standingOf } from './standing.ts'
import type { Standing } from './standing.ts'

interface ResumeOptions extends ArchiveOptions {
  readonly partition: number
  readonly skipTo?: string
  readonly backTo?: string
  readonly reason: string
}

const example = `
Example:
  weir archive resume --config weir.yaml --partition 3 --reason "the group was deleted, see incident 12"

Everything that archives the topic has to be stopped before. Where the topic has lost records before they were archived, --skip-to says
where it goes on, and \`weir archive verify\` tells of the gap from then on. Where objects are gone, --back-to has them written again, as
far as the topic still has their records; objects behind them are compared, and left as they are.`

/** Returns the command, to be added to `weir archive`. */
export function resumeCommand(context: CommandContext): Command {
  const command = new Command('resume')
    .description('have a partition go on behind the newest object in the bucket')
    .requiredOption('--partition <number>', 'the partition', parseInteger({ least: 0, most: 999_999 }))
    .requiredOption('--reason <text>', 'why; it is kept with the offset where that is not behind an object')
    .option('--skip-to <offset>', 'go on further behind: an offset, or `first`, the start of the log')
    .option('--back-to <offset>', 'go back to where objects are missing: the offset that `weir archive verify` names')
    .option('--pipeline <name>', 'the archive, where there are several')
    .option('--json', 'print one JSON object')
    .addHelpText('after', example)
    .action((options: ResumeOptions) =>
      withArchives(context, options, { archive: (archive) => resume(context, options, archive), needsOne: true }),
    )
  addSettingsOptions(command)
  return refuseRepeatedValues(command, repeatableSettingsOptions)
}

async function resume(context: CommandContext, options: ResumeOptions, archive: Archive): Promise<void> {
  const { name, settings, kafka } = archive
  const { source } = settings
  const reason = reasonOf(options)
  if (options.skipTo !== undefined && options.backTo !== undefined) {
    throw new ConfigError('ERR_CONFIG_OPTION', '--back-to: --skip-to says the opposite; give one of the two.')
  }
  const cluster = await kafka.cluster()
  const before = await standingOf(name, source, options.partition, cluster)
  const log = await identityOf(source.topic, cluster)
  const { offset, isBehind } = await whereOf(archive, options, before, log)
  const target = { topic: source.topic, partition: options.partition }
  await fence(cluster, source.group, target)
  const note = isBehind ? offsetNote(offset) : `set: ${reason}`
  await cluster.admin.setCommitted(source.group, target, offset, note)
  const after = await standingOf(name, source, options.partition, cluster)
  if (options.json === true) return context.print(`${JSON.stringify({ before, after })}\n`)
  await context.print(`${lineOf(before)}\n${lineOf(after)}\n`)
}

async function identityOf(topic: string, { admin }: KafkaCluster): Promise<LogIdentity> {
  return { clusterId: await admin.clusterId(), topicId: (await admin.topicId(topic)) ?? '' }
}

/** Returns where the partition goes on, and whether that is behind an object. *Errors*: where it cannot; the store's. */
async function whereOf(archive: Archive, options: ResumeOptions, before: Standing, log: LogIdentity) {
  if (options.backTo !== undefined) {
    const { settings, store } = archive
    const where = { prefix: settings.s3.prefix, topic: settings.source.topic, partition: options.partition }
    const known = { begun: await begunAt(store, where, log), chain: await chainOf(store, where, log) }
    return { offset: gapOf(options.backTo, before, known), isBehind: false }
  }
  const behind = await endOf(archive, options, log)
  const offset = offsetOf(options, before, behind)
  return { offset, isBehind: offset === behind }
}

/** Returns the offset behind the newest object of the partition. *Errors*: where there is none; the store's. */
async function endOf(
  { name, settings, store }: Archive,
  { partition, skipTo }: ResumeOptions,
  log: LogIdentity,
): Promise<bigint> {
  const { s3, source } = settings
  const end = await newestEnd(store, { prefix: s3.prefix, topic: source.topic, partition }, log)
  // Where nothing was archived, nothing can come twice.
  if (end !== undefined || skipTo !== undefined) return end ?? 0n
  const message = `--partition: the archive ${name} has no object of partition ${partition} in ${store.name}; without one, the service begins at the start of the log, or says why not; then \`--skip-to first\` has it begin there.`
  throw new ConfigError('ERR_CONFIG_OPTION', message)
}

/**
 * Returns what the objects of the partition reach over. What is from a topic of that name that was there before says nothing of
 * this one. *Cost*: a call for each object, as `weir archive verify --manifests` takes.
 */
async function chainOf(store: ObjectStore, where: PartitionScope, log: LogIdentity): Promise<Chain> {
  const { prefix, topic, partition } = where
  const chain = new Chain()
  for await (const entry of catalog(store, { prefix, partition })) {
    if (entry.kind !== 'archived' || entry.manifest.topic !== topic || !isSameLog(entry.manifest, log)) continue
    const { key, hour, manifest } = entry
    const { from, first, last } = manifest
    chain.add({ key, hour, from, first, last })
  }
  return chain
}

/** What is known from the bucket. `begun`: where the archive began, as far as that is noted. */
interface KnownObjects {
  readonly begun: bigint | undefined
  readonly chain: Chain
}

/** Returns an offset in a gap, from where on the topic still has records. *Errors*: where it is in an object, or gone. */
function gapOf(text: string, standing: Standing, { begun = 0n, chain }: KnownObjects): bigint {
  const offset = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n
  const logStart = BigInt(standing.first)
  // Without any object nothing is missing between them: the group begins where the log does.
  const begin = chain.begin ?? begun
  const gaps = [...(begin > begun ? [{ from: begun, to: begin }] : []), ...chain.gaps()]
  const open = gaps.flatMap(({ from, to }) => (to <= logStart ? [] : [{ from: from < logStart ? logStart : from, to }]))
  if (open.some(({ from, to }) => offset >= from && offset < to)) return offset
  const where = open.slice(0, mostGaps).map(({ from, to }) => `${from} to ${to - 1n}`)
  const more = open.length > mostGaps ? ` and ${open.length - mostGaps} more` : ''
  const words = open.length === 0 ? 'no offsets are missing that the topic still has' : `missing, and in the topic, are ${where.join(', ')}${more}` // prettier-ignore
  throw new ConfigError('ERR_CONFIG_OPTION', `--back-to: ${JSON.stringify(text)} cannot be set: ${words}.`)
}

/** Gaps that a message names. */
const mostGaps = 10

function offsetOf({ skipTo }: ResumeOptions, { first, end }: Standing, behind: bigint): bigint {
  const [logStart, logEnd] = [BigInt(first), BigInt(end)]
  const least = behind > logStart ? behind : logStart
  if (skipTo === undefined) {
    if (behind >= logStart && behind <= logEnd) return behind
    const where = behind < logStart ? `begins at ${first}` : `ends at ${end}`
    const cure = behind < logStart ? 'records between are lost: say so with `--skip-to first`' : 'it is not the log that was archived' // prettier-ignore
    throw new ConfigError('ERR_CONFIG_OPTION', `The newest object ends before offset ${behind}, and the log ${where}; ${cure}.`) // prettier-ignore
  }
  const offset = skipTo === 'first' ? logStart : /^\d{1,19}$/.test(skipTo) ? BigInt(skipTo) : -1n
  if (offset >= least && offset <= logEnd) return offset
  const message = `--skip-to: ${JSON.stringify(skipTo)} cannot be set: give a number from ${least} to ${end}; what is below lies in objects, or is gone.`
  throw new ConfigError('ERR_CONFIG_OPTION', message)
}
