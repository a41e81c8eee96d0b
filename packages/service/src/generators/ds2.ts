// Generated Akamai DataStream 2 records: every documented field in the documented order, then some of the further
// ones. Values of one record fit each other (a client keeps its address, place and agent). Writes nothing anywhere:
// yields bytes. What a malformed record looks like is in malformed.ts. Called by `weir generate` and by tests.

import { agents, customFields, hosts, kinds, methods, places } from './ds2-tables.ts'
import { securityRules, statuses, tlsVersions, words } from './ds2-tables.ts'
import type { Kind, Place, Status } from './ds2-tables.ts'
import { spoil } from './malformed.ts'
import { Random, zipf } from './random.ts'

/** What `generateDs2` makes. */
export interface Ds2Options {
  /** How many records. */
  readonly records: number
  /** Any safe integer from 0. Equal seeds give equal bytes. */
  readonly seed: number
  /** Share of records, 0 to 1, that are made malformed. The others stay what they are without. Default 0. */
  readonly errorRate?: number
}

/** Who asks: kept over several records. */
interface Client {
  readonly ip: string
  readonly place: Place
  readonly agent: string
  readonly cookie: string
}

/** One request, before it is written out field by field. */
interface Request {
  readonly number: number
  readonly client: Client
  readonly place: Place
  readonly kind: Kind
  readonly status: Status
  readonly host: string
  readonly stream: Stream
  readonly timeSec: number
  readonly objectBytes: number
  readonly sentBytes: number
  readonly overheadBytes: number
  readonly turnAroundMs: number
  readonly transferMs: number
  readonly tlsVersion: string
  readonly isHit: boolean
  readonly edgeIp: string
}

interface Stream {
  readonly id: string
  readonly cp: string
  /** Some streams log milliseconds, some do not. */
  readonly hasFractions: boolean
}

const streams = zipf<Stream>([
  { id: '12345', cp: '123456', hasFractions: false },
  { id: '12346', cp: '123457', hasFractions: true },
  { id: '20017', cp: '940112', hasFractions: true },
])

/** First second of the generated time, and how many records each second has. */
const start = { timeSec: 1_700_000_000, recordsPerSecond: 400 }
const clientCount = 2048
const chunkBytes = 256 << 10
/** No generated record is longer than this, spoiled ones included; the chunk is passed on before one could not fit. */
const longestRecordBytes = 8192

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex(word: number): string {
  return (
    (hexDigits[word >>> 24] as string) +
    (hexDigits[(word >>> 16) & 255] as string) +
    (hexDigits[(word >>> 8) & 255] as string) +
    (hexDigits[word & 255] as string)
  )
}

function address(random: Random, network: string): string {
  const word = random.bits()
  return network + '.' + (word & 255) + '.' + (1 + (((word >>> 8) & 255) % 254))
}

function addressV6(random: Random, network: string): string {
  const [first, second] = network.split('.') as [string, string]
  const word = hex(random.bits())
  return `2a0${Number(first) % 10}:${Number(second).toString(16)}:${word.slice(0, 4)}::${word.slice(4)}`
}

function makeClient(random: Random): Client {
  const place = random.pick(places)
  const cookie = random.chance(650)
    ? '-'
    : `session%3D${hex(random.bits())}${hex(random.bits())}%3B+c%3D${random.below(4)}`
  return {
    ip: random.chance(80) ? addressV6(random, place.network) : address(random, place.network),
    place,
    agent: random.pick(agents),
    cookie,
  }
}

function makeRequest(random: Random, number: number, clients: readonly Client[]): Request {
  const client = random.chance(250) ? makeClient(random) : random.pick(clients)
  const kind = random.pick(kinds)
  const status = random.pick(statuses)
  const objectBytes = 120 + random.skewed(kind.meanBytes)
  const isHit = kind.isCacheable && random.chance(870)
  const sentBytes = status.hasBody ? objectBytes : status.code === '304' ? 0 : 200 + random.below(600)
  const fault = status.code >= '500' ? 900 : 0
  return {
    number,
    client,
    place: client.place,
    kind,
    status,
    host: random.pick(hosts),
    stream: random.pick(streams),
    timeSec: start.timeSec + Math.floor(number / start.recordsPerSecond),
    objectBytes,
    sentBytes,
    overheadBytes: 180 + random.below(420),
    turnAroundMs: random.skewed(isHit ? 6 : 140) + fault,
    transferMs: random.skewed(1 + Math.floor(sentBytes / 9_000)),
    tlsVersion: random.pick(tlsVersions),
    isHit,
    edgeIp: address(random, client.place.edgeNetwork),
  }
}

function path(request: Request, random: Random): string {
  const { kind } = request
  const slash = random.chance(985) ? kind.folder : kind.folder.slice(1)
  if (kind.ending === '.html' && random.chance(350)) return slash === '' ? '/' : slash
  const id = hex(random.bits())
  if (kind.ending === '.ts') return `${slash}${id}/1080p/segment-${random.below(4000)}.ts`
  return `${slash}${random.pick(words)}/${random.pick(words)}-${id}${kind.ending}`
}

function query(request: Request, random: Random): string {
  if (!request.kind.hasQuery || random.chance(350)) return '-'
  const first = `q=${random.pick(words)}&page=${random.below(40)}&ref=${hex(random.bits())}`
  return random.chance(300) ? `${first}&utm_source=${random.pick(words)}&utm_campaign=spring+sale%2124` : first
}

function breadcrumbs(request: Request, random: Random): string {
  const { edgeIp, turnAroundMs, place } = request
  const edge = `//BC/%5Ba=${edgeIp},c=g,k=${random.below(4)},l=${turnAroundMs},n=${place.serverCountry}%5D`
  if (request.isHit) return edge
  const parent = address(random, '23.212')
  return `${edge},%5Ba=${parent},b=${hex(random.bits())},c=o,k=${random.below(9)},l=${turnAroundMs >> 1},m=1,o=20940%5D`
}

function edgeWorkerUsage(random: Random): string {
  if (random.chance(880)) return random.chance(900) ? '-' : '^'
  return `//4380/4.0/1/-/0/4/#1,2\\\\//4380/4.0/4/-/0/4/#${random.below(9)},0`
}

function edgeWorkerExecution(random: Random): string {
  if (random.chance(900)) return '-'
  const ms = random.below(200)
  return `c:4380:7:${ms}:${ms + 1}:${ms}:n:::12473:200|C:4380:3:0:4:0:n:::6967:200|R:4380:20:99:99:1:n:::35982:200`
}

function range(request: Request, random: Random): string {
  if (request.status.code !== '206') return '-'
  const first = random.below(60_000)
  return `${first}-${first + request.sentBytes - 1}`
}

function referer(request: Request, random: Random): string {
  if (random.chance(520)) return random.chance(850) ? '-' : '^'
  return `https%3A%2F%2F${request.host}%2F${random.pick(words).replaceAll('%', '%25')}%2F${hex(random.bits())}`
}

function seconds(request: Request, random: Random): string {
  const { stream, timeSec } = request
  return stream.hasFractions ? timeSec + '.' + String(1000 + random.below(1000)).slice(1) : String(timeSec)
}

type Value = (request: Request, random: Random) => string | number

/** Every field after `version`, in the order of the documentation; `keys` below is what tests compare. */
const fields: readonly (readonly [key: string, value: Value])[] = [
  ['streamId', ({ stream }) => stream.id],
  ['cp', ({ stream }) => stream.cp],
  // Odd multiplier: every number below 2³² gets an id of its own, and neighbours do not look alike.
  ['reqId', ({ number }) => hex(Math.imul(number + 1, 0x9e3779b1))],
  ['reqTimeSec', seconds],
  ['bytes', ({ sentBytes }) => sentBytes],
  ['cliIP', ({ client }) => client.ip],
  ['statusCode', ({ status }) => status.code],
  ['proto', ({ tlsVersion }) => (tlsVersion === '-' ? 'HTTP' : 'HTTPS')],
  ['reqHost', ({ host }) => host],
  ['reqMethod', ({ kind }, random) => random.pick(kind.ending === '' ? methods.api : methods.page)],
  ['reqPath', path],
  ['reqPort', ({ tlsVersion }) => (tlsVersion === '-' ? 80 : 443)],
  ['rspContentLen', ({ status, sentBytes }) => (status.code === '304' ? '-' : sentBytes)],
  ['rspContentType', ({ status, kind }) => (status.code === '304' ? '-' : kind.contentType)],
  ['UA', ({ client }) => client.agent],
  ['tlsOverheadTimeMSec', ({ tlsVersion }, random) => (tlsVersion === '-' ? '-' : random.skewed(12))],
  ['tlsVersion', ({ tlsVersion }) => tlsVersion],
  ['objSize', ({ objectBytes }) => objectBytes],
  ['uncompressedSize', ({ objectBytes, kind }) => (kind.meanBytes < 60_000 ? objectBytes * 3 : objectBytes)],
  ['overheadBytes', ({ overheadBytes }) => overheadBytes],
  ['totalBytes', ({ sentBytes, overheadBytes }) => sentBytes + overheadBytes],
  ['queryStr', query],
  ['breadcrumbs', breadcrumbs],
  ['accLang', ({ place }) => place.language],
  ['cookie', ({ client }) => client.cookie],
  ['range', range],
  ['referer', referer],
  ['xForwardedFor', ({ client }, random) => (random.chance(800) ? '-' : client.ip)],
  ['maxAgeSec', ({ kind }) => kind.maxAgeSec],
  ['reqEndTimeMSec', (_, random) => random.skewed(3)],
  ['errorCode', ({ status }) => status.errorCode],
  ['turnAroundTimeMSec', ({ turnAroundMs }) => turnAroundMs],
  ['transferTimeMSec', ({ transferMs }) => transferMs],
  ['dnsLookupTimeMSec', ({ isHit }, random) => (isHit ? '-' : random.skewed(20))],
  ['lastByte', (_, random) => (random.chance(970) ? 1 : 0)],
  ['edgeIP', ({ edgeIp }) => edgeIp],
  ['country', ({ place }) => place.country],
  ['state', ({ place }) => place.state],
  ['city', ({ place }) => place.city],
  ['serverCountry', ({ place }) => place.serverCountry],
  ['billingRegion', ({ place }) => place.billingRegion],
  ['cacheStatus', ({ isHit }) => (isHit ? 1 : 0)],
  ['securityRules', (_, random) => random.pick(securityRules)],
  ['ewUsageInfo', (_, random) => edgeWorkerUsage(random)],
  ['ewExecutionInfo', (_, random) => edgeWorkerExecution(random)],
  ['customField', (_, random) => random.pick(customFields)],
  // The documentation fixes no place for the further keys.
  ['cacheable', ({ kind }) => (kind.isCacheable ? 1 : 0)],
  ['isMidgress', (_, random) => (random.chance(940) ? 0 : 1)],
  ['asn', ({ place }) => place.asn],
]

/** Keys of a generated record, in order. */
export const ds2Keys: readonly string[] = ['version', ...fields.map(([key]) => key)]

/** What stands before each value: the end of the value before it, and the key. */
const openings = fields.map(([key], index) => (index === 0 ? '{"version":1,"' : '","') + key + '":"')

function writeRecord(request: Request, random: Random): string {
  let text = ''
  for (let i = 0; i < fields.length; i++) {
    const [, value] = fields[i] as (typeof fields)[number]
    text += (openings[i] as string) + value(request, random)
  }
  return text + '"}'
}

/**
 * Yields the records as NDJSON, in chunks of whole lines.
 *
 * Ownership: a chunk is the caller's until the next one is asked for; then its memory is used again.
 * Cost: about 5 µs a record.
 */
export function* generateDs2(options: Ds2Options): Generator<Uint8Array, void, undefined> {
  const random = new Random(options.seed)
  // Faults have a stream of their own, so that the records that stay whole do not depend on the rate.
  const faults = new Random(options.seed + 1)
  const faultsPerMillion = Math.round((options.errorRate ?? 0) * 1_000_000)
  const clients = zipf(Array.from({ length: clientCount }, () => makeClient(random)))
  const chunk = Buffer.allocUnsafeSlow(chunkBytes)
  let filled = 0
  for (let number = 0; number < options.records; number++) {
    const record = writeRecord(makeRequest(random, number, clients), random)
    const isSpoiled = faultsPerMillion > 0 && faults.bits() % 1_000_000 < faultsPerMillion
    // Records are ASCII; a spoiled one is text whose characters are its bytes.
    filled += chunk.write((isSpoiled ? spoil(record, faults) : record) + '\n', filled, 'latin1')
    if (filled > chunkBytes - longestRecordBytes) {
      yield chunk.subarray(0, filled)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}
