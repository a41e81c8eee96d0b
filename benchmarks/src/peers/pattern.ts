// Patterns of rules as other programs take them: anchored, with flags in front, made from texts or from networks. Written
// for the dialects that share RE2's syntax; posix-pattern.ts has the one that does not. Called by the translations.

import { isIPv6 } from 'node:net'

/** A pattern of RE2's dialect, and where in the text it has to match. */
export interface Pattern {
  /** Without the flag that may stand at its front. */
  readonly body: string
  readonly ignoreCase: boolean
  readonly at: 'whole' | 'start' | 'end' | 'anywhere'
}

/** Returns the pattern of a rule. */
export function patternOf(written: string, at: Pattern['at'], ignoreCase = false): Pattern {
  const isCaseless = written.startsWith('(?i)')
  return { body: isCaseless ? written.slice(4) : written, ignoreCase: ignoreCase || isCaseless, at }
}

/** Returns a pattern for any of the texts. */
export function patternOfTexts(texts: readonly string[], at: Pattern['at'], ignoreCase: boolean): Pattern {
  return { body: texts.map(escapeText).join('|'), ignoreCase, at }
}

/** Returns the text as a pattern that matches just it. Letters beyond ASCII stand for themselves. */
export function escapeText(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}

/**
 * Returns the pattern as it is written in RE2, Go, Rust, Oniguruma, PCRE and Java. Anchors are said as those of the text,
 * since some take `^` and `$` for those of a line, and classes letter by letter, since some mean those of all of Unicode.
 * `off`: flags that a program sets by itself and a rule does not mean.
 */
export function writePattern({ body, ignoreCase, at }: Pattern, off = ''): string {
  const hasLines = /\(\?\w*m/.test(body)
  const exact = body.replaceAll(token, (part) => {
    if (part.startsWith('[')) return part.replaceAll(/\\./gs, (each) => classes[each] ?? each)
    if (part === '^' || part === '$') return hasLines ? part : part === '^' ? '\\A' : '\\z'
    const opposite = classes[part.toLowerCase()]
    return classes[part] !== undefined ? `[${classes[part]}]` : opposite === undefined ? part : `[^${opposite}]`
  })
  const start = at === 'whole' || at === 'start' ? '\\A' : ''
  const end = at === 'whole' || at === 'end' ? '\\z' : ''
  const flags = `${ignoreCase ? 'i' : ''}${off === '' ? '' : `-${off}`}`
  return `${flags === '' ? '' : `(?${flags})`}${start}${start === end ? exact : `(?:${exact})`}${end}`
}

/** An escape, a set of characters, or an anchor. */
const token = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[\^$]/gsu
/** What stands for the classes inside of a set. */
const classes: Readonly<Record<string, string>> = { '\\d': '0-9', '\\w': '0-9A-Za-z_', '\\s': '\\t\\n\\f\\r ' }

/** What a text has to match before it may be compared as a number: JSON's, leading zeros allowed. */
export const numberPattern: Pattern = {
  body: '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?',
  ignoreCase: false,
  at: 'whole',
}

/** An octet of an address, as addresses write it: without leading zeros. */
const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'

/**
 * Returns a pattern for the addresses of a network: exact for IPv4. Addresses of IPv6 are taken to be well-formed; their
 * text is compared, in any spelling of its groups. Errors: a RangeError for IPv6 networks with a group of zero that is not
 * the last, since `::` may stand for it in many ways, and for those that end within a group that may begin with a zero,
 * since that may be left out.
 */
export function patternOfNetwork(network: string): Pattern {
  const [address = '', bits = ''] = network.split('/')
  const body = isIPv6(address) ? groupsOf(address, Number(bits)) : octetsOf(address, Number(bits))
  return { body, ignoreCase: isIPv6(address), at: 'whole' }
}

function octetsOf(address: string, bits: number): string {
  const parts = address
    .split('.')
    .map(Number)
    .map((part, i) => {
      const fixed = Math.min(8, Math.max(0, bits - 8 * i))
      if (fixed === 0) return octet
      const span = 2 ** (8 - fixed)
      const choices = Array.from({ length: span }, (_, k) => part + k)
      return span === 1 ? String(part) : `(?:${choices.join('|')})`
    })
  return parts.join('\\.')
}

function groupsOf(address: string, bits: number): string {
  const count = Math.ceil(bits / 16)
  const [head = ''] = address.split('::')
  const groups = head.split(':').slice(0, count)
  const rest = bits % 16
  const last = rest === 0 ? undefined : groups.pop()
  // One group of zero at the end is written, or `::` stands for it and for more.
  const endsInZero =
    rest === 0 && count > 1 && count < 8 && (groups.length === count - 1 || Number(groups.at(-1)) === 0)
  if (endsInZero) groups.length = count - 1
  const isPlain =
    groups.every((group) => /^[1-9a-f][0-9a-f]{0,3}$/i.test(group)) && /^[0-9a-f]{1,4}$/i.test(last ?? '0')
  if (!isPlain || groups.length !== Math.floor(bits / 16) - (endsInZero ? 1 : 0) || count === 0) {
    throw new RangeError(`the network ${address}/${bits}`)
  }
  const written = groups.map((group) => `${'0?'.repeat(4 - group.length)}${group}`)
  if (endsInZero) written.push('(?:0{1,4})?')
  if (last !== undefined) written.push(groupWithin(last, rest))
  return count === 8 ? written.join(':') : `${written.join(':')}:[0-9a-f:.]*`
}

/** The groups whose first bits are those of a group; zeros in front may be left out. */
function groupWithin(group: string, bits: number): string {
  const padded = group.padStart(4, '0')
  const digits = Math.floor(bits / 4)
  const fixed = padded.slice(0, digits)
  const from = Number.parseInt(padded[digits]!, 16)
  const shown = fixed.replace(/^0+/, '')
  if (shown === '' && from === 0) throw new RangeError(`the group ${group}/${bits} of a network`)
  const free = 2 ** (4 - (bits % 4))
  const choices = Array.from({ length: free }, (_, i) => (from + i).toString(16)).join('')
  const one = free === 16 ? '[0-9a-f]' : `[${choices}]`
  return `${'0?'.repeat(digits - shown.length)}${shown}${one}${'[0-9a-f]'.repeat(3 - digits)}`
}
