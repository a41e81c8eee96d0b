// Families of rules for records of DataStream 2, as they gather over the years: each makes a condition from its tables, with
// another choice of operators every time. Most conditions rarely hold. Called by operators.ts.

import type { Condition, Predicate } from '@weir/engine'
import * as tables from './tables.ts'

/** Draws for one rule set. `isPlain`: no `decode` and no `ignoreCase`, which tools for patterns do not have. */
export interface Draw {
  /** Returns an integer from 0 to `end` − 1. */
  readonly random: (end: number) => number
  readonly isPlain: boolean
}

/** Makes a condition. */
export type Family = (draw: Draw) => Condition

function pick<T>({ random }: Draw, items: readonly T[]): T {
  return items[random(items.length)]!
}

/** So many different items, at most all, sorted: to the engine two orders of a list are one condition. */
function several<T extends string>({ random }: Draw, items: readonly T[], count: number): T[] {
  const left = [...items]
  const wanted = Math.min(count, left.length)
  return Array.from({ length: wanted }, () => left.splice(random(left.length), 1)[0]!).sort()
}

/** True once in so many draws. */
function oneIn({ random }: Draw, count: number): boolean {
  return random(count) === 0
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+')
}

/** The status, in one of the ways in which people write it. */
function status(draw: Draw): Predicate {
  const field = 'statusCode'
  switch (draw.random(4)) {
    case 0:
      return { field, in: several(draw, tables.statuses, 2 + draw.random(2)) }
    case 1:
      return pick(draw, [
        { field, gte: 500 },
        { field, gte: 400, lte: 404 },
        { field, gt: 500, lt: 505 },
      ])
    default:
      return { field, matches: pick(draw, tables.statusClasses) }
  }
}

function crawler(draw: Draw): Condition {
  const field = 'UA'
  const name = pick(draw, tables.crawlers)
  if (oneIn(draw, 3)) return { field, contains: several(draw, tables.crawlers, 2 + draw.random(4)).map(encoded) }
  if (draw.isPlain || oneIn(draw, 2)) return { field, contains: `${encoded(name)}%2F${1 + draw.random(9)}` }
  if (oneIn(draw, 2)) return { field, ignoreCase: true, contains: encoded(name).toLowerCase() }
  return {
    field,
    decode: 'url',
    contains: several(draw, tables.crawlers, 1 + draw.random(4)).map((each) => `${each}/`),
  }
}

function browser(draw: Draw): Condition {
  const product = pick(draw, tables.products)
  const version = 60 + draw.random(70)
  const agent: Predicate = oneIn(draw, 3)
    ? { field: 'UA', matches: `Mozilla.*${product}%2F${version}\\.[0-9.]+.*` }
    : { field: 'UA', search: `(?:${product}|${pick(draw, tables.products)})%2F(?:${version}|${version + 7})\\.` }
  return { all: [agent, status(draw)] }
}

function scan(draw: Draw): Condition {
  const field = 'reqPath'
  switch (draw.random(4)) {
    case 0:
      return { field, prefix: several(draw, tables.folders.slice(7), 1 + draw.random(3)) }
    case 1:
      return { field, suffix: several(draw, tables.endings.slice(2, 11), 1 + draw.random(4)) }
    default: {
      const probe = pick(draw, tables.probes)
      if (!draw.isPlain && oneIn(draw, 3)) return { field, ignoreCase: true, search: `/${probe}` }
      return { field, search: `(?i)/(?:${probe}|${pick(draw, tables.probes)})` }
    }
  }
}

function attack(draw: Draw): Condition {
  const field = 'queryStr'
  if (draw.isPlain || draw.random(3) > 0) {
    const pattern = pick(draw, tables.attacks)
    if (oneIn(draw, 3)) return { field, search: `(?i)${pattern}` }
    return { field, search: `(?i)(?:${several(draw, tables.pathWords, 2).join('|')})=[^&]*${pattern}` }
  }
  if (oneIn(draw, 2)) return { field, decode: 'url', contains: several(draw, tables.phrases, 1 + draw.random(3)) }
  return { field, decode: 'url', ignoreCase: true, contains: pick(draw, tables.phrases).toUpperCase() }
}

function host(draw: Draw): Condition {
  const field = 'reqHost'
  const hosts = several(draw, tables.hosts, 1 + draw.random(3))
  const name: Predicate =
    hosts.length > 1
      ? { field, in: hosts }
      : oneIn(draw, 2)
        ? { field, equals: hosts[0]! }
        : { field, suffix: hosts[0]!.slice(hosts[0]!.indexOf('.')) }
  const method: Predicate = { field: 'reqMethod', in: several(draw, tables.methods.slice(2), 2) }
  return { all: hosts.length > 1 && oneIn(draw, 4) ? [name, method] : [name, method, status(draw)] }
}

function country(draw: Draw): Condition {
  const countries: Predicate = { field: 'country', in: several(draw, tables.countries, 1 + draw.random(6)) }
  const excepted: Condition = {
    not: { field: 'reqHost', prefix: pick(draw, ['www.', 'api.', 'static.', 'img.', 'm.']) },
  }
  const asked: Predicate = { field: 'reqPath', contains: `/${pick(draw, tables.pathWords)}` }
  if (!draw.isPlain && oneIn(draw, 3)) {
    const state: Predicate = { field: 'state', decode: 'url', equals: pick(draw, tables.states) }
    return { all: [state, asked, status(draw)] }
  }
  return { all: oneIn(draw, 2) ? [countries, excepted, status(draw)] : [countries, asked, status(draw)] }
}

function network(draw: Draw): Condition {
  const { random } = draw
  const old = (): string => {
    const bits = pick(draw, [16, 20, 22, 24, 24, 28, 32])
    const address = ((1 + random(222)) * 2 ** 24 + random(256) * 2 ** 16 + random(256) * 256 + random(256)) >>> 0
    const masked = (address & (-1 << (32 - bits))) >>> 0
    return `${[24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join('.')}/${bits}`
  }
  const recent = (): string => {
    const bits = pick(draw, [29, 32, 48])
    const group = (1 + random(65_000)) & (bits === 29 ? 0xfff8 : 0xffff)
    return `2a0${random(10)}:${group.toString(16)}::/${bits}`
  }
  const cidr = Array.from({ length: 1 + random(20) }, () => (oneIn(draw, 6) ? recent() : old()))
  const client: Predicate = { field: 'cliIP', cidr }
  return oneIn(draw, 3) ? { all: [client, { not: { field: 'reqMethod', equals: 'GET' } }] } : client
}

function number(draw: Draw): Condition {
  const { field, about } = pick(draw, tables.numbers)
  const bound = Math.round((about * (50 + draw.random(150))) / 100)
  const name: Predicate = { field: 'reqHost', equals: pick(draw, tables.hosts) }
  switch (draw.random(4)) {
    case 0:
      return { all: [{ field, gte: bound, lt: bound * 2 }, name] }
    case 1:
      return { all: [{ field, gt: bound }, name] }
    case 2:
      return { all: [{ field, lte: Math.round(about / 500) }, name, { field: 'statusCode', gt: 399, lte: 404 }] }
    default:
      return { all: [{ field, gte: bound + 0.5 }, status(draw)] }
  }
}

function presence(draw: Draw): Condition {
  const field = pick(draw, ['errorCode', 'cookie', 'referer', 'range', 'xForwardedFor', 'securityRules', 'customField'])
  const there: Predicate = { field, exists: !oneIn(draw, 3) }
  const word: Predicate = { field: 'reqPath', contains: several(draw, tables.pathWords.slice(8), 2) }
  const any: Condition = {
    any: [
      { field: 'reqMethod', in: ['POST', 'DELETE'] },
      { field: 'statusCode', lt: 200 },
    ],
  }
  const asn: Predicate = { field: 'asn', in: Array.from({ length: 4 }, () => String(1000 + draw.random(60_000))) }
  return { all: [there, oneIn(draw, 2) ? asn : word, any] }
}

function referer(draw: Draw): Condition {
  const field = 'referer'
  const from = encoded(`https://${pick(draw, tables.hosts)}/`)
  if (oneIn(draw, 3))
    return {
      all: [{ field, prefix: from }, { field: 'reqPath', contains: `/${pick(draw, tables.pathWords)}` }, status(draw)],
    }
  if (draw.isPlain || oneIn(draw, 2)) {
    return {
      field,
      search: `https?%3A%2F%2F[a-z0-9.-]*(?:${several(draw, tables.pathWords, 3).join('|')})[a-z0-9-]*\\.(?:ru|cn|top|xyz)`,
    }
  }
  return { field, decode: 'url', matches: `https?://(?:[a-z]+\\.)?${pick(draw, tables.pathWords)}[0-9]*\\.[a-z]+/.*` }
}

/** All families, with the name that their rules' ids begin with. */
export const families: readonly (readonly [name: string, family: Family])[] = [
  ['crawler', crawler],
  ['browser', browser],
  ['scan', scan],
  ['attack', attack],
  ['host', host],
  ['country', country],
  ['network', network],
  ['number', number],
  ['presence', presence],
  ['referer', referer],
]
