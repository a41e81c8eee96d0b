// What a record says, before it is written down: the fields of DataStream 2, put together from samples of `weir generate
// ds2` with fresh ids, in the wanted size, repeating or not, flat or nested. Spells nothing; spelling.ts does.
// Called by generate.ts.

import { alternates, withCommonStart, withDecoys } from './decoys.ts'
import { enlarged, nested, productOf } from './layouts.ts'
import type { RecordShape } from './shape.ts'
import type { FlatRecord, Random, RecordValue, Value } from './values.ts'

/** Returns what the record of this number says. Numbers are below 2²⁴: what is unique would repeat behind it. */
export type Composer = (number: number) => RecordValue

/** Fields that say who asks: they stay together, and are taken from another sample than what is asked for. */
const clientFields = [
  ...['cliIP', 'UA', 'accLang', 'cookie', 'xForwardedFor', 'edgeIP', 'country', 'state', 'city', 'serverCountry'],
  ...['billingRegion', 'asn'],
]
const smallFields = ['reqTimeSec', 'cliIP', 'statusCode', 'reqHost', 'reqMethod', 'reqPath', 'UA', 'country']
const addressFields = new Set(['cliIP', 'edgeIP', 'xForwardedFor'])

/** Returns a function that composes records of the shape. Equal samples and draws give equal records. */
export function createComposer(shape: RecordShape, samples: readonly FlatRecord[], random: Random): Composer {
  const keys = shape.size === 'small' ? smallFields : Object.keys(samples[0]!).filter((key) => key !== 'version')
  const isOfClient = keys.map((key) => clientFields.includes(key))
  const { values = 'repeated', paths = 'ordinary' } = shape
  return (number) => {
    const isUnique = values === 'unique' || (values === 'alternating' && alternates(number))
    const client = samples[random(samples.length)]!
    const request = samples[random(samples.length)]!
    const record: Record<string, Value> = shape.size === 'small' ? {} : { version: 1 }
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      const text = fresh(key, (isOfClient[i] === true ? client : request)[key]!, number, random)
      const fitting = key === 'UA' && shape.size === 'small' ? productOf(text) : text
      const placed = key === 'reqPath' && paths === 'common-start' ? withCommonStart(fitting, random) : fitting
      record[key] = isUnique ? unique(key, placed, number) : placed
    }
    if (shape.keys === 'misleading') withDecoys(record, samples[random(samples.length)]!, idOf(number), random)
    const whole = shape.size === 'large' ? enlarged(record, idOf(number), random) : record
    return shape.nesting === 'nested' ? nested(whole) : whole
  }
}

/** Eight hexadecimal digits that no other number has, and that look like those of no neighbour. */
function idOf(number: number): string {
  return (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')
}

const hexRun = /[0-9a-f]{8}/
const startSec = 1_700_000_000
const recordsPerSecond = 400

/** The text of a sample, with what differs from record to record in it made anew. */
function fresh(key: string, text: string, number: number, random: Random): string {
  switch (key) {
    case 'reqId':
      return idOf(number)
    case 'reqTimeSec':
      return String(startSec + Math.floor(number / recordsPerSecond)) + text.slice(10)
    case 'reqPath':
      return text.replace(hexRun, idOf(number))
    case 'queryStr':
    case 'referer':
    case 'breadcrumbs':
    case 'cookie':
      return text.replace(hexRun, () => idOf(random(1 << 19) * 32 + random(32)))
    default:
      return text
  }
}

/** The text, changed so that no other record has it, and so that prefixes, suffixes, words and numbers stay. */
function unique(key: string, text: string, number: number): string {
  const digits = String(number).padStart(8, '0')
  if (key === 'reqId') return text
  if (addressFields.has(key)) return uniqueAddress(text, number)
  if (key === 'reqHost') return `h${digits}.${text}`
  // Behind the folder: how a path begins and ends is what rules look at.
  if (key === 'reqPath') return text.includes(idOf(number)) ? text : `${text}${text.endsWith('/') ? '' : '/'}${digits}`
  if (/^\d+$/.test(text)) return `${text}.${digits}`
  return /^\d+\.\d+$/.test(text) ? text + digits : `${text}+${digits}`
}

function uniqueAddress(text: string, number: number): string {
  const colons = text.indexOf('::')
  if (colons >= 0) return `${text.slice(0, colons)}::${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
  // An odd factor: no two numbers below 2²⁴ share the 24 bits.
  const bits = Math.imul(number, 0x9e3779b1) & 0xffffff
  const first = text === '-' ? '10' : text.slice(0, text.indexOf('.'))
  return `${first}.${bits >>> 16}.${(bits >>> 8) & 255}.${bits & 255}`
}
