// Generated access logs of a web server: lines of `common` and `combined`, and records with the keys that flog writes as
// `json`. Clients keep their address, name and agent over several requests; hosts, paths and agents follow Zipf's law.
// Writes nothing anywhere: yields bytes. Called by `weir generate` and by tests.

import { spoil } from './malformed.ts'
import { Random, zipf } from './random.ts'
import { agents, folders, leaves, methods, places, referrers, statuses, users } from './web-tables.ts'

/** What `generateWeb` can write. */
export const webLogFormats = ['combined', 'common', 'json'] as const
export type WebLogFormat = (typeof webLogFormats)[number]

/** What `generateWeb` makes. */
export interface WebOptions {
  readonly format: WebLogFormat
  /** How many lines. */
  readonly records: number
  /** Any safe integer from 0. Equal seeds give equal bytes. */
  readonly seed: number
  /** Share of lines, 0 to 1, that are made malformed. The others stay what they are without. Default 0. */
  readonly errorRate?: number
}

/** Who asks: kept over several requests. */
interface Client {
  readonly host: string
  readonly user: string
  readonly agent: string
  /** As logs write it: the zone of the server that the client is sent to. */
  readonly zone: string
  readonly zoneMinutes: number
}

interface Hit {
  readonly client: Client
  readonly time: string
  readonly method: string
  readonly target: string
  readonly protocol: string
  readonly status: string
  readonly bytes: number
  readonly referrer: string
}

/** First second of the generated time, and how many lines each second has. */
const start = { timeSec: 1_700_000_000, recordsPerSecond: 50 }
const clientCount = 2048
const chunkBytes = 256 << 10
/** No generated line is longer than this, spoiled ones included; the chunk is passed on before one could not fit. */
const longestLineBytes = 8192

function makeClient(random: Random): Client {
  const word = random.bits()
  const { network, zone } = random.pick(places)
  const sign = zone.startsWith('-') ? -1 : 1
  return {
    host: `${network}.${word & 255}.${1 + (((word >>> 8) & 255) % 254)}`,
    user: random.chance(900) ? '-' : random.pick(users),
    agent: random.pick(agents),
    zone,
    zoneMinutes: sign * (60 * Number(zone.slice(1, 3)) + Number(zone.slice(3))),
  }
}

const monthNames = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `10/Oct/2000:13:55:36 -0700`. */
function timeText(timeSec: number, { zone, zoneMinutes }: Client): string {
  const iso = new Date((timeSec + 60 * zoneMinutes) * 1000).toISOString()
  return `${iso.slice(8, 10)}/${monthNames[Number(iso.slice(5, 7)) - 1] ?? ''}/${iso.slice(0, 4)}:${iso.slice(11, 19)} ${zone}`
}

function target(random: Random): string {
  const path = random.chance(80) ? '/' : `${random.pick(folders)}${random.pick(leaves)}`
  if (random.chance(750)) return path
  return `${path}?id=${random.below(50_000)}${random.chance(300) ? '&q=caf%C3%A9' : ''}`
}

function makeHit(random: Random, number: number, clients: readonly Client[]): Hit {
  const client = random.chance(200) ? makeClient(random) : random.pick(clients)
  const { code, meanBytes } = random.pick(statuses)
  return {
    client,
    time: timeText(start.timeSec + Math.floor(number / start.recordsPerSecond), client),
    method: random.pick(methods),
    target: target(random),
    protocol: random.pick(protocols),
    status: code,
    bytes: meanBytes === 0 ? 0 : 100 + random.skewed(meanBytes),
    referrer: random.chance(600) ? '-' : random.pick(referrers) + random.pick(folders).slice(1),
  }
}

const protocols = zipf(['HTTP/1.1', 'HTTP/2.0', 'HTTP/1.0'])

function commonLine({ client, time, method, target, protocol, status, bytes }: Hit): string {
  // Apache writes a dash where no bytes were sent.
  const size = bytes === 0 ? '-' : bytes
  return `${client.host} - ${client.user} [${time}] "${method} ${target} ${protocol}" ${status} ${size}`
}

const writers: Readonly<Record<WebLogFormat, (hit: Hit) => string>> = {
  common: commonLine,
  combined: (hit) => `${commonLine(hit)} "${hit.referrer}" "${hit.client.agent}"`,
  json: ({ client, time, method, target, protocol, status, bytes, referrer }) =>
    `{"host":"${client.host}","user-identifier":"${client.user}","datetime":"${time}","method":"${method}"` +
    `,"request":"${target}","protocol":"${protocol}","status":${status},"bytes":${bytes},"referer":"${referrer}"}`,
}

/** Ways to spoil a line, so that it is of neither format. */
const lineFaults: readonly ((line: string, random: Random) => string)[] = [
  // Cut within the time or the request, both of which every line has.
  (line, random) => line.slice(0, line.indexOf('[') + 1 + random.below(40)),
  (line) => line.replace('] "', '] '),
  (line) => line.replace(/\[\d\d\//, '[32/'),
  (line) => line.replace(/" \d{3} /, '" OK '),
  (line) => `${line} trailing`,
  (_line, random) => `kernel: [${random.below(9999)}.${random.below(999)}] eth0: link is up`,
]

/**
 * Yields the lines, in chunks of whole lines.
 *
 * Ownership: a chunk is the caller's until the next one is asked for; then its memory is used again.
 */
export function* generateWeb(options: WebOptions): Generator<Uint8Array, void, undefined> {
  const random = new Random(options.seed)
  // Faults have a stream of their own, so that the lines that stay whole do not depend on the rate.
  const faults = new Random(options.seed + 1)
  const faultsPerMillion = Math.round((options.errorRate ?? 0) * 1_000_000)
  const spoilOne = options.format === 'json' ? spoil : (line: string) => faults.pick(lineFaults)(line, faults)
  const write = writers[options.format]
  const clients = zipf(Array.from({ length: clientCount }, () => makeClient(random)))
  const chunk = Buffer.allocUnsafeSlow(chunkBytes)
  let filled = 0
  for (let number = 0; number < options.records; number++) {
    const line = write(makeHit(random, number, clients))
    const isSpoiled = faultsPerMillion > 0 && faults.bits() % 1_000_000 < faultsPerMillion
    // Lines are ASCII; a spoiled one is text whose characters are its bytes.
    filled += chunk.write((isSpoiled ? spoilOne(line, faults) : line) + '\n', filled, 'latin1')
    if (filled > chunkBytes - longestLineBytes) {
      yield chunk.subarray(0, filled)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}
