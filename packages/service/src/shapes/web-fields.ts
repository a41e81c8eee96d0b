// Reads one line of a web server's access log and writes it as a JSON record: the formats `common` and `combined` of
// Apache and nginx, by their grammar and no looser. Works on bytes; makes no string unless a field has an escape or a
// byte that is not plain ASCII. The fields are described in docs/cli.md. Called by web-lines.ts.

import { isIP } from 'node:net'

import { ascii } from './detect.ts'

/** Formats of lines; `combined` is `common` with the referrer and the user agent behind. */
export const webFormats = ['combined', 'common'] as const
export type WebFormat = (typeof webFormats)[number]

/** Bytes that are appended to; grows as needed. */
export class RecordWriter {
  bytes: Buffer
  length = 0

  /** `bytes`: room to begin with. */
  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Makes room for so many more bytes. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + more))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Appends plain bytes; there must be room. */
  put(plain: Uint8Array, from = 0, to = plain.length): void {
    const { bytes } = this
    let { length } = this
    // Too few for a call into the runtime to pay.
    for (let at = from; at < to; at++) bytes[length++] = plain[at]!
    this.length = length
  }

  /** Appends [from, to) of a line as the inside of a JSON string, its escapes decoded; there must be room. */
  putText(line: Uint8Array, from: number, to: number): void {
    const { bytes } = this
    let { length } = this
    for (let at = from; at < to; at++) {
      const byte = line[at]!
      if (isPlain[byte] === 0) return this.putEscaped(line, from, to)
      bytes[length++] = byte
    }
    this.length = length
  }

  private putEscaped(line: Uint8Array, from: number, to: number): void {
    const text = JSON.stringify(decodeEscapes(line.subarray(from, to)).toString())
    this.length += this.bytes.write(text.slice(1, -1), this.length)
  }
}

/** 1 for bytes that stand for themselves in the line and in JSON. */
const isPlain = new Uint8Array(256).fill(1, 0x20, 0x7f)
isPlain[ascii.quote] = 0
isPlain[ascii.backslash] = 0

/** A JSON string has at most six bytes for one of the line; keys and punctuation take less than this. */
const mostPerByte = 6
const mostBeside = 512

/** Where the parts of one line are; used for line after line, so that none costs an object. */
const part = {
  hostEnd: 0,
  userFrom: 0,
  time: 0,
  request: 0,
  requestEnd: 0,
  status: 0,
  statusEnd: 0,
  size: 0,
  sizeEnd: 0,
}
const more = { referrer: 0, referrerEnd: 0, agent: 0 }

/**
 * Appends the record of the line `bytes` [start, end), which has no line end, and a line feed. Returns false, and appends
 * nothing, when the line is not of the format.
 */
export function writeWebRecord(
  bytes: Uint8Array,
  start: number,
  end: number,
  format: WebFormat,
  out: RecordWriter,
): boolean {
  const isCombined = format === 'combined'
  if (!findCommon(bytes, start, end)) return false
  if (isCombined ? !findMore(bytes, end) : part.sizeEnd !== end) return false
  out.reserve((end - start) * mostPerByte + mostBeside)
  out.put(keys.ipAddress)
  out.putText(bytes, start, part.hostEnd)
  out.put(keys.username)
  out.putText(bytes, part.userFrom, part.time - 1)
  const isAnonymous = part.time - part.userFrom === 2 && bytes[part.userFrom] === dash
  out.put(isAnonymous ? keys.isAnonymous : keys.isUser)
  putTime(bytes, part.time + 1, out)
  putRequest(bytes, part.request + 1, part.requestEnd, out)
  putStatus(bytes, part.status, part.statusEnd, out)
  out.put(keys.bytes)
  if (bytes[part.size] === dash) out.put(zero)
  else putNumber(bytes, part.size, part.sizeEnd, out)
  if (!isCombined) {
    out.put(closing.number)
    return true
  }
  out.put(keys.referrer)
  out.putText(bytes, more.referrer + 1, more.referrerEnd)
  out.put(keys.userAgent)
  out.putText(bytes, more.agent + 1, end - 1)
  out.put(closing.text)
  return true
}

/** Finds what both formats have: `host identity user [time] "request" status bytes`. */
function findCommon(bytes: Uint8Array, start: number, end: number): boolean {
  part.hostEnd = wordEnd(bytes, start, end)
  const identityEnd = wordEnd(bytes, part.hostEnd + 1, end)
  if (part.hostEnd === start || identityEnd <= part.hostEnd + 1) return false
  part.userFrom = identityEnd + 1
  part.time = findTime(bytes, part.userFrom, end)
  if (part.time < 0 || hasHostInFront(bytes, start)) return false
  part.request = part.time + timeBytes + 1
  part.requestEnd = quotedEnd(bytes, part.request, end)
  if (part.requestEnd < 0) return false
  part.status = part.requestEnd + 2
  part.statusEnd = wordEnd(bytes, part.status, end)
  part.size = part.statusEnd + 1
  part.sizeEnd = wordEnd(bytes, part.size, end)
  return isStatus(bytes, part.status, part.statusEnd) && isNumber(bytes, part.size, part.sizeEnd)
}

/**
 * Whether the line has the server's name in front, as Apache's `vhost_combined` and many an nginx has: a user that is
 * `- jo` behind an identity that is an address, or behind a first word with a port, would be the identity and user.
 */
function hasHostInFront(bytes: Uint8Array, start: number): boolean {
  const userEnd = part.time - 1
  if (wordEnd(bytes, part.userFrom, userEnd) === userEnd) return false
  const word = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1')
  const identity = word(part.hostEnd + 1, part.userFrom - 1)
  if (isIP(identity) !== 0) return true
  return identity !== '-' && /^[^:]+:[0-9]{1,5}$/.test(word(start, part.hostEnd))
}

/** Finds what `combined` has behind it: `"referrer" "user agent"`, and no more. */
function findMore(bytes: Uint8Array, end: number): boolean {
  more.referrer = part.sizeEnd + 1
  more.referrerEnd = quotedEnd(bytes, more.referrer, end)
  if (more.referrerEnd < 0) return false
  more.agent = more.referrerEnd + 2
  return quotedEnd(bytes, more.agent, end) === end - 1
}

const [dash, slash, colon, plus, one] = [45, 47, 58, 43, 49]
const zero = Buffer.from('0')
const http = Buffer.from('HTTP/')

/** What stands before each value: the end of the value before it, and the key. */
const keys = {
  ipAddress: Buffer.from('{"ip_address":"'),
  username: Buffer.from('","username":"'),
  isUser: Buffer.from('","is_user":"User Exists","timestamp":"'),
  isAnonymous: Buffer.from('","is_user":"Anonymous","timestamp":"'),
  timezone: Buffer.from('","timezone":"'),
  request: Buffer.from('","request":"'),
  operation: Buffer.from('","operation":"'),
  source: Buffer.from('","source":"'),
  protocol: Buffer.from('","network_protocol":"'),
  statusCode: Buffer.from('","status_code":"'),
  status: Buffer.from('","status":"'),
  bytes: Buffer.from('","bytes":'),
  referrer: Buffer.from(',"referrer":"'),
  userAgent: Buffer.from('","user_agent":"'),
} as const
const closing = { text: Buffer.from('"}\n'), number: Buffer.from('}\n') } as const

/** By the first digit of the status code, from 1. */
const statusNames = ['informational', 'Successful', 'Redirection', 'Client Error', 'Server Error'].map((name) =>
  Buffer.from(name),
)

/** Returns the position of the space that ends a word, or `end`. */
function wordEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== ascii.space) at++
  return at
}

/** Returns the position of the quote that closes the one at `from` and has a space or the line's end behind it, or -1. */
function quotedEnd(bytes: Uint8Array, from: number, end: number): number {
  if (from < 0 || from >= end || bytes[from] !== ascii.quote || bytes[from - 1] !== ascii.space) return -1
  for (let at = from + 1; at < end; at++) {
    if (bytes[at] === ascii.backslash) at++
    else if (bytes[at] === ascii.quote) return at + 1 === end || bytes[at + 1] === ascii.space ? at : -1
  }
  return -1
}

/** A time with its brackets: `[10/Oct/2000:13:55:36 -0700]`. */
const timeBytes = 28

/** Returns the position of the bracket that opens the time behind a user, whose name may hold spaces and brackets, or -1. */
function findTime(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from + 2; at + timeBytes <= end; at++) {
    if (bytes[at] === ascii.openBracket && bytes[at - 1] === ascii.space && isTime(bytes, at)) return at
  }
  return -1
}

const months = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [
    name.charCodeAt(0) | (name.charCodeAt(1) << 8) | (name.charCodeAt(2) << 16),
    index + 1,
  ]),
)
const daysOf = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function monthAt(bytes: Uint8Array, at: number): number {
  return months.get(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) ?? 0
}

/** Returns the number of two digits, or NaN. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const [tens, ones] = [bytes[at]! - 48, bytes[at + 1]! - 48]
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : Number.NaN
}

/** A second more than 59 is a leap second. */
function isTime(bytes: Uint8Array, at: number): boolean {
  const month = monthAt(bytes, at + 4)
  const day = twoDigits(bytes, at + 1)
  const year = 100 * twoDigits(bytes, at + 8) + twoDigits(bytes, at + 10)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (!(day >= 1 && day <= (month === 2 && !isLeap ? 28 : (daysOf[month - 1] ?? 0)) && year >= 0)) return false
  if (bytes[at + 3] !== slash || bytes[at + 7] !== slash) return false
  if (bytes[at + 12] !== colon || bytes[at + 15] !== colon || bytes[at + 18] !== colon) return false
  if (!(twoDigits(bytes, at + 13) < 24 && twoDigits(bytes, at + 16) < 60 && twoDigits(bytes, at + 19) <= 60))
    return false
  const sign = bytes[at + 22]
  if (bytes[at + 21] !== ascii.space || (sign !== plus && sign !== dash)) return false
  const isZone = twoDigits(bytes, at + 23) < 24 && twoDigits(bytes, at + 25) < 60
  return isZone && bytes[at + 27] === ascii.closeBracket
}

/** Appends `10/Oct/2000:13:55:36 -0700` as `2000-10-10T13:55:36-07:00`, and the zone by itself. */
function putTime(bytes: Uint8Array, at: number, out: RecordWriter): void {
  const month = monthAt(bytes, at + 3)
  const target = out.bytes
  out.put(bytes, at + 7, at + 11)
  target[out.length++] = dash
  target[out.length++] = 48 + (month > 9 ? 1 : 0)
  target[out.length++] = 48 + (month % 10)
  target[out.length++] = dash
  out.put(bytes, at, at + 2)
  target[out.length++] = 84
  out.put(bytes, at + 12, at + 20)
  putZone(bytes, at + 21, out)
  out.put(keys.timezone)
  putZone(bytes, at + 21, out)
}

function putZone(bytes: Uint8Array, at: number, out: RecordWriter): void {
  out.put(bytes, at, at + 3)
  out.bytes[out.length++] = colon
  out.put(bytes, at + 3, at + 5)
}

/** Appends method, target and protocol; where the request is none of HTTP's, all of it; for `-`, nothing. */
function putRequest(bytes: Uint8Array, from: number, to: number, out: RecordWriter): void {
  if (to - from === 1 && bytes[from] === dash) return
  const methodEnd = wordEnd(bytes, from, to)
  if (methodEnd === from || methodEnd + 1 >= to || !isToken(bytes, from, methodEnd)) {
    out.put(keys.request)
    out.putText(bytes, from, to)
    return
  }
  const protocol = protocolStart(bytes, methodEnd + 1, to)
  out.put(keys.operation)
  out.putText(bytes, from, methodEnd)
  out.put(keys.source)
  out.putText(bytes, methodEnd + 1, protocol < 0 ? to : protocol - 1)
  if (protocol < 0) return
  out.put(keys.protocol)
  out.putText(bytes, protocol, to)
}

/** Returns where `HTTP/…` begins as the last word, or -1. A target may hold spaces, and HTTP/0.9 has no protocol. */
function protocolStart(bytes: Uint8Array, from: number, to: number): number {
  let at = to
  while (at > from && bytes[at - 1] !== ascii.space) at--
  if (at <= from + 1 || to - at <= http.length) return -1
  for (let index = 0; index < http.length; index++) if (bytes[at + index] !== http[index]) return -1
  return at
}

/** Returns whether the bytes are letters, digits and the signs of RFC 9110's token. */
function isToken(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (tokenBytes[bytes[at]!] !== 1) return false
  return true
}

const tokenBytes = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  tokenBytes[character.charCodeAt(0)] = 1
}

function isStatus(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === 3 ? isNumber(bytes, from, to) : to - from === 1 && bytes[from] === dash
}

/** Returns whether the bytes are digits, or a dash for none. */
function isNumber(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from === 1 && bytes[from] === dash) return true
  for (let at = from; at < to; at++) if (bytes[at]! < 48 || bytes[at]! > 57) return false
  return to > from
}

function putStatus(bytes: Uint8Array, from: number, to: number, out: RecordWriter): void {
  if (to - from !== 3) return
  out.put(keys.statusCode)
  out.put(bytes, from, to)
  const name = statusNames[bytes[from]! - one]
  if (name === undefined) return
  out.put(keys.status)
  out.put(name)
}

/** Without leading zeros, which JSON does not know. */
function putNumber(bytes: Uint8Array, from: number, to: number, out: RecordWriter): void {
  let at = from
  while (at + 1 < to && bytes[at] === 48) at++
  out.put(bytes, at, to)
}

/** One letter behind a backslash, and the byte it stands for: those of Apache. */
const escapeLetters: Readonly<Record<string, number>> = { b: 8, t: 9, n: 10, v: 11, r: 13, '"': 34, '\\': 92 }

/** Returns the bytes with `\xHH` and Apache's escapes decoded. What is no escape stays as it is. */
function decodeEscapes(bytes: Uint8Array): Buffer {
  const decoded = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    const letter = byte === ascii.backslash && at + 1 < bytes.length ? String.fromCharCode(bytes[at + 1] ?? 0) : ''
    const value = letter === 'x' ? hexByte(bytes, at + 2) : escapeLetters[letter]
    decoded[length++] = value ?? byte
    if (value !== undefined) at += letter === 'x' ? 3 : 1
  }
  return decoded.subarray(0, length)
}

function hexByte(bytes: Uint8Array, at: number): number | undefined {
  const digits = Buffer.from(bytes.subarray(at, at + 2)).toString('latin1')
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined
}
