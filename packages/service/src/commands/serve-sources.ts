// The source of one pipeline, from its settings. Called by served-pipelines.ts.

import { addressOf } from '../address.ts'
import { chosen } from '../config/schema.ts'
import type { HttpSourceSettings, PipelineSettings } from '../config/schema.ts'
import { ConnectorError } from '../errors.ts'
import type { HttpLimits } from '../http-limits.ts'
import type { PipelineMetrics } from '../metrics.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { Source } from '../ports/source.ts'
import type { InputFormat } from '../shapes/shape.ts'
import type { ByteBudget } from '../sources/byte-budget.ts'
import { fileSource, stdinPath } from '../sources/file.ts'
import type { FileSource } from '../sources/file.ts'
import { openFollowSource } from '../sources/follow.ts'
import { openHttpSource } from '../sources/http.ts'
import type { HttpSource } from '../sources/http.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer } from '../time.ts'

/** What sources are opened with besides their settings. */
export interface SourceParts {
  readonly budget: ByteBudget
  readonly quarantine: (letter: DeadLetter) => Promise<boolean>
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
}

/** Opens the source, if it is none in partitions. *Errors*: its own. */
export async function openSource(name: string, settings: PipelineSettings, parts: SourceParts): Promise<Source> {
  const { kind, options } = chosen(settings.source)
  if (kind === 'http') return openHttp(name, options, parts)
  if (kind === 'stdin') return openStdin(options.format, settings)
  if (kind === 'kafka') throw new TypeError('A source in partitions is opened elsewhere.')
  const onNotice = (notice: string) => parts.log.warn('The file that is followed is not as expected.', { notice })
  const { stateFile, ...file } = options
  const state = stateFile === undefined ? {} : { stateFile }
  return openFollowSource({ ...file, ...state, startTimer: startSystemTimer, onNotice })
}

/**
 * What comes by standard input comes once: when delivery fails, there is nothing to begin again with. As bytes in any case:
 * an open file would be read to its end at a shutdown, and its malformed records be no dead letters.
 */
function openStdin(format: InputFormat, { maxRecordBytes }: PipelineSettings): FileSource {
  const ndjsonWords = '`source: { stdin: { format: ndjson } }`'
  const source = fileSource(stdinPath, { format, ndjsonWords, isForBytes: true, maxRecordBytes })
  let isRead = false
  return {
    name: source.name,
    values() {
      if (isRead) throw new ConnectorError('ERR_CONNECTOR_READ', `${source.name} cannot be read again.`)
      isRead = true
      const values = source.values()[Symbol.asyncIterator]()
      const end = async () => {
        // One that waits for input ends when there is none to wait for.
        await source.close()
        return (await values.return?.()) ?? { done: true as const, value: undefined }
      }
      return { [Symbol.asyncIterator]: () => ({ next: () => values.next(), return: end }) }
    },
    commit: (position) => source.commit(position),
    drain: () => source.drain(),
    close: () => source.close(),
  }
}

async function openHttp(name: string, settings: HttpSourceSettings, parts: SourceParts): Promise<HttpSource> {
  const { path, users, tls, hosts, unwrapEnvelopes } = settings
  const source = await openHttpSource({
    name,
    listen: addressOf(settings.listen)!,
    path,
    hosts,
    unwrapEnvelopes,
    ...(users === undefined ? {} : { users }),
    ...(tls === undefined ? {} : { tls }),
    limits: httpLimitsOf(settings),
    budget: parts.budget,
    quarantine: parts.quarantine,
    observe: {
      answered: ({ status, code, seconds, compressedBytes, inflatedBytes }) =>
        parts.metrics.request({
          status,
          ...(status === 200 ? {} : { error: code }),
          seconds,
          receivedBytes: compressedBytes,
          inflatedBytes,
        }),
    },
    report: (error) => parts.log.error('Something failed in the http source, which goes on.', { error }),
    reportFile: (setting, { error }) => {
      parts.metrics.sourceFile(setting, error !== undefined)
      if (error === undefined) parts.log.info('A file that changed is in force.', { setting })
      else parts.log.error('A file that changed cannot be used; the one before stays in force.', { setting, error })
    },
  })
  if (users !== undefined) parts.metrics.sourceFile('users', false)
  if (tls !== undefined) parts.metrics.sourceFile('tls', false)
  parts.metrics.watchHttp(() => source.inFlightBytes)
  return source
}

/** Returns the limits that settings of an http source mean. */
export function httpLimitsOf(settings: HttpSourceSettings): Partial<HttpLimits> {
  return {
    bodyBytes: settings.maxBodyBytes,
    inflatedBytes: settings.maxInflatedBytes,
    inflationRatio: settings.maxRatio,
    headerBytes: settings.maxHeaderBytes,
    connections: settings.maxConnections,
    deadlineMs: settings.answerWithinMs,
    // Node refuses a longer time for the head than for the whole.
    headersTimeoutMs: Math.min(settings.headersWithinMs, settings.requestWithinMs),
    requestTimeoutMs: settings.requestWithinMs,
    keepAliveTimeoutMs: settings.keepAliveMs,
    credentialBytesPerSecond: settings.rateBytesPerSecond ?? 0,
  }
}
