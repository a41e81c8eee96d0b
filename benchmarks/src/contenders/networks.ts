// Networks as ranges of numbers, for the contenders in JavaScript: an IPv4 address is one number, an IPv6 address four of
// 32 bits, and a list of networks is tried one by one. Called by compiled-rules.ts.

import { isIPv4, isIPv6 } from 'node:net'

type TextTest = (text: string) => boolean

/** Returns a test whether a text is an address in one of the networks. Errors: text that is no network. */
export function compileNetworks(networks: readonly string[]): TextTest {
  const split = networks.map((network) => network.split('/') as [string, string | undefined])
  const old = compileOld(split.filter(([address]) => isIPv4(address)))
  const others = split
    .filter(([address]) => !isIPv4(address))
    .map(([address, bits = '128']) => compileNew(address, bits))
  return (text) => {
    if (text.includes(':')) {
      if (others.length === 0) return false
      const words = wordsOf(text)
      return words !== undefined && others.some((isWithin) => isWithin(words))
    }
    return old(text)
  }
}

function compileOld(networks: readonly (readonly [string, string | undefined])[]): TextTest {
  const starts = networks.map(([address]) => addressNumber(address))
  const ends = networks.map(([, bits = '32'], i) => starts[i]! + 2 ** (32 - Number(bits)))
  return (text) => {
    const number = addressNumber(text)
    for (let i = 0; i < starts.length; i++) if (number >= starts[i]! && number < ends[i]!) return true
    return false
  }
}

/** The number of an IPv4 address, NaN for other text; without making a string or an array. */
function addressNumber(text: string): number {
  let number = 0
  let part = 0
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) part = part * 10 + digit
    else if (digit === -2) {
      number = number * 256 + part
      part = 0
      dots++
    } else return NaN
  }
  return dots === 3 ? number * 256 + part : NaN
}

function compileNew(address: string, bits: string): (words: readonly number[]) => boolean {
  const network = wordsOf(address)
  if (network === undefined) throw new Error(`No case uses the network ${address}/${bits}.`)
  // A shift by 32 would be one by none.
  const masks = network.map((_, i) => {
    const left = Math.min(32, Math.max(0, Number(bits) - i * 32))
    return left === 0 ? 0 : (-1 << (32 - left)) >>> 0
  })
  return (words) => words.every((word, i) => ((word ^ network[i]!) & masks[i]!) === 0)
}

/** The four words of an IPv6 address without a zone, undefined for other text. */
function wordsOf(text: string): readonly number[] | undefined {
  if (!isIPv6(text) || text.includes('%') || text.includes('.')) return undefined
  const [before = '', behind] = text.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((each) => Number.parseInt(each, 16))
  const [first, last] = [groups(before), groups(behind ?? '')]
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return [0, 2, 4, 6].map((i) => ((all[i]! << 16) | all[i + 1]!) >>> 0)
}
