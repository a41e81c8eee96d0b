// Other layouts of a flat record: with long texts in it, and as objects and arrays. Draws nothing but which long texts.
// Called by compose.ts.

import type { Random, RecordValue, Value } from './values.ts'

const products =
  /(?:Chrome|Firefox|Googlebot|bingbot|okhttp|ExampleApp|curl|python-requests|kube-probe|Go-http-client|SMART-TV|Safari)(?:%2F[\w.]+)?/

/** Returns the product of an agent, with its version: `Chrome%2F120.0.0.0`. The whole agent where it names none. */
export function productOf(agent: string): string {
  return products.exec(agent)?.[0] ?? agent
}

/** Parts of long texts, the ones that repeat; what goes between them is new in every record. */
const headers = [
  'accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-encoding: gzip, deflate, br',
  'cache-control: no-cache, no-store, must-revalidate, private, max-age=0',
  'content-security-policy: default-src https:; img-src https: data:; frame-ancestors none; report-uri /csp',
  'sec-ch-ua-platform: Windows',
  'strict-transport-security: max-age=31536000; includeSubDomains; preload',
  'upgrade-insecure-requests: 1',
  'via: 1.1 varnish, 1.1 cache-3.example.net (squid/5.7)',
  'x-forwarded-proto: https',
  'x-requested-with: XMLHttpRequest',
]
const frames = [
  'at com.example.shop.CheckoutService.reserve(CheckoutService.java:214)',
  'at com.example.shop.OrderController.create(OrderController.java:88)',
  'at com.example.web.FilterChain.next(FilterChain.java:41)',
  'at com.example.web.SessionFilter.apply(SessionFilter.java:119)',
  'at org.example.server.Worker.run(Worker.java:633)',
]

/** Returns so many parts of a list, from a place that is drawn, each with the id and its own number behind it. */
function longText(parts: readonly string[], count: number, id: string, random: Random): string {
  const first = random(parts.length)
  let text = ''
  for (let i = 0; i < count; i++) text += `${parts[(first + i) % parts.length]}; id=${id}${i}; `
  return text
}

/** Returns the record with texts of about 1.6, 1.9 and 1.4 KB before, among and behind the others. */
export function enlarged(record: RecordValue, id: string, random: Random): RecordValue {
  const long: Record<string, Value> = {}
  for (const [key, value] of Object.entries(record)) {
    if (key === 'statusCode') long['requestHeaders'] = longText(headers, 21, id, random)
    if (key === 'cookie') long['trace'] = longText(frames, 25, id, random)
    long[key] = value
  }
  long['responseHeaders'] = longText(headers, 18, id, random)
  return long
}

/** The text as a value of its own kind: a number where it is one, null where the log has none. */
function typed(text: string): Value {
  if (text === '-' || text === '^') return null
  return /^(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : text
}

/** Reads the fields of a flat record: as text, and as a value of its own kind. */
interface Reader {
  readonly text: (key: string) => string
  readonly value: (key: string) => Value
}

/** Returns the record as objects and arrays: fields of one kind together, numbers as numbers, missing values as null. */
export function nested(record: RecordValue): RecordValue {
  const read: Reader = {
    text: (key) => record[key] as string,
    value: (key) => typed(record[key] as string),
  }
  const { text, value } = read
  return {
    version: 1,
    stream: { id: text('streamId'), cp: text('cp') },
    request: requestOf(read),
    client: {
      ip: text('cliIP'),
      forwardedFor: value('xForwardedFor'),
      asn: value('asn'),
      geo: { country: text('country'), state: value('state'), city: text('city') },
    },
    tls: { protocol: value('tlsVersion'), overheadMs: value('tlsOverheadTimeMSec') },
    response: responseOf(read),
    edge: {
      ip: text('edgeIP'),
      country: text('serverCountry'),
      hops: hopsOf(text('breadcrumbs')),
      worker: value('ewUsageInfo'),
    },
    tags: [text('proto'), text('customField'), ...text('securityRules').split('|')],
  }
}

function requestOf({ text, value }: Reader): RecordValue {
  return {
    id: text('reqId'),
    timeSec: value('reqTimeSec'),
    host: text('reqHost'),
    method: text('reqMethod'),
    path: text('reqPath'),
    query: value('queryStr'),
    port: value('reqPort'),
    headers: { userAgent: text('UA'), cookie: value('cookie'), referer: value('referer'), range: value('range') },
    languages: text('accLang').split(','),
  }
}

function responseOf({ text, value }: Reader): RecordValue {
  return {
    status: value('statusCode'),
    contentType: value('rspContentType'),
    isCacheHit: text('cacheStatus').startsWith('1'),
    error: value('errorCode'),
    bytes: {
      body: value('bytes'),
      object: value('objSize'),
      total: value('totalBytes'),
      overhead: value('overheadBytes'),
    },
    timing: {
      turnAroundMs: value('turnAroundTimeMSec'),
      transferMs: value('transferTimeMSec'),
      dnsMs: value('dnsLookupTimeMSec'),
    },
  }
}

function hopsOf(breadcrumbs: string): readonly Value[] {
  const hops = breadcrumbs.split('//BC/').slice(1)
  return hops.map((note) => ({ note, length: note.length }))
}
