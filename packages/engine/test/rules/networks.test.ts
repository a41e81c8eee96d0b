// Addresses and networks, held against node:net on random input.

import assert from 'node:assert/strict'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseNetwork, parseV4, parseV6 } from '#src/rules/networks.js'
import { compileOne, issuesOf, readLists, ruleSetOf, shown } from './rule-sets.js'

const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 127, 255))
const v4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
const group = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0, 0, 1, 0xffff))
const v6 = fc.array(group, { minLength: 8, maxLength: 8 })

/** Text forms of an address: full, shortened at a run of zeros, with an embedded dotted quad. */
function formsOf(groups: readonly number[], from: number, length: number): string[] {
  const hex = groups.map((each) => each.toString(16))
  const full = hex.join(':')
  const quad = [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
  const forms = [full, full.toUpperCase(), `${hex.slice(0, 6).join(':')}:${quad}`]
  const end = Math.min(8, from + Math.max(1, length))
  if (groups.slice(from, end).every((each) => each === 0)) {
    forms.push(`${hex.slice(0, from).join(':')}::${hex.slice(end).join(':')}`)
  }
  return forms
}

function wordsOf(groups: readonly number[]): number[] {
  return [0, 2, 4, 6].map((i) => groups[i]! * 0x10000 + groups[i + 1]!)
}

test('an IPv4 address is four decimal octets without leading zeros', () => {
  fc.assert(
    fc.property(v4, (text) => {
      const number = text.split('.').reduce((sum, each) => sum * 256 + Number(each), 0)
      assert.equal(parseV4(text), number)
    }),
  )
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.00',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1..2.3',
    '+1.2.3.4',
    '1.2.3.٤',
  ]) {
    assert.equal(parseV4(text), undefined, text)
  }
})

test('all text forms of an IPv6 address read as the same address', () => {
  fc.assert(
    fc.property(v6, fc.nat(7), fc.nat(8), (groups, from, length) => {
      for (const form of formsOf(groups, from, length)) assert.deepEqual(parseV6(form), wordsOf(groups), form)
    }),
  )
})

test('what node:net calls an address is one here, and nothing else, zones and leading zeros apart', () => {
  const character = fc.constantFrom(...'0123456789abcfF:::..%g ')
  const near = fc.array(character, { maxLength: 24 }).map((parts) => parts.join(''))
  const mutated = fc
    .tuple(
      fc.oneof(
        v4,
        v6.map((groups) => formsOf(groups, 2, 3).at(-1)!),
      ),
      fc.nat(40),
      character,
    )
    .map(([text, at, each]) => `${text.slice(0, at)}${each}${text.slice(at + 1)}`)
  fc.assert(
    fc.property(fc.oneof(near, mutated), (text) => {
      assert.equal(parseV4(text) !== undefined, isIPv4(text), text)
      assert.equal(parseV6(text) !== undefined, isIPv6(text) && !text.includes('%'), text)
    }),
    { numRuns: 3000 },
  )
})

/** v4-mapped addresses are v4 here, and node:net mixes the two. */
const isMapped = (groups: readonly number[]): boolean =>
  groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff

test('networks contain what node:net says they contain', () => {
  const network = fc.oneof(
    fc.tuple(v4, fc.nat(32)).map(([text, bits]) => ({ text, bits, family: 'ipv4' as const })),
    fc
      .tuple(v6, fc.integer({ min: 0, max: 128 }))
      .filter(([groups, bits]) => bits < 96 || !isMapped(groups))
      .map(([groups, bits]) => ({
        text: groups.map((each) => each.toString(16)).join(':'),
        bits,
        family: 'ipv6' as const,
      })),
  )
  fc.assert(
    fc.property(
      fc.array(network, { minLength: 1, maxLength: 12 }),
      fc.array(v4),
      fc.array(v6),
      (networks, some4, some6) => {
        // One for each family, because a BlockList takes v4 addresses for v4-mapped ones, which ::/0 contains.
        const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
        const texts = networks.map(({ text, bits, family }) => {
          lists[family].addSubnet(text, bits, family)
          return withoutHostBits(text, bits)
        })
        const [read] = readLists(compileOne({ field: 'a', cidr: texts }).program)
        assert.ok(read?.kind === 'networks')
        for (const text of some4.concat(networks.filter((each) => each.family === 'ipv4').map((each) => each.text))) {
          const address = parseV4(text)!
          assert.equal(
            read.v4.some(([low, high]) => low <= address && address <= high),
            lists.ipv4.check(text, 'ipv4'),
            text,
          )
        }
        for (const groups of some6) {
          if (isMapped(groups)) continue
          const text = groups.map((each) => each.toString(16)).join(':')
          const address = groups.reduce((sum, each) => (sum << 16n) | BigInt(each), 0n)
          assert.equal(
            read.v6.some(([low, high]) => low <= address && address <= high),
            lists.ipv6.check(text, 'ipv6'),
            text,
          )
        }
      },
    ),
    { numRuns: 300 },
  )
})

/** Clears the host bits by the cure that the refusal offers, so that the cure is tested too. */
function withoutHostBits(text: string, bits: number): string {
  const whole = `${text}/${bits}`
  const result = parseNetwork(whole)
  if ('family' in result) return whole
  const cure = /^write (\S+) for the network/.exec(result.suggestion ?? '')?.[1]
  assert.ok(cure !== undefined, whole)
  return cure
}

test('ranges are disjoint, do not touch, and ascend', () => {
  const texts = [
    '10.0.1.0/24',
    '10.0.0.0/24',
    '10.0.0.7',
    '192.168.0.0/16',
    '10.0.2.0/25',
    '10.0.2.128/25',
    '255.255.255.255',
    '255.255.255.254',
    '0.0.0.0',
  ]
  const [list] = readLists(
    compileOne({
      field: 'a',
      cidr: [...texts, '2001:db8::/33', '2001:db8:8000::/33', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    }).program,
  )
  assert.ok(list?.kind === 'networks')
  assert.deepEqual(list.v4, [
    [0, 0],
    [0x0a000000, 0x0a0002ff],
    [0xc0a80000, 0xc0a8ffff],
    [0xfffffffe, 0xffffffff],
  ])
  assert.deepEqual(list.v6, [
    [0x20010db8n << 96n, (0x20010db9n << 96n) - 1n],
    [(1n << 128n) - 1n, (1n << 128n) - 1n],
  ])
})

test('networks of v4-mapped addresses are v4 from a prefix length of 96 on', () => {
  const [list] = readLists(
    compileOne({ field: 'a', cidr: ['::ffff:10.0.0.0/104', '::ffff:0:0/96', '::/0', '::ffff:1.2.3.4'] }).program,
  )
  assert.ok(list?.kind === 'networks')
  assert.deepEqual(list.v4, [[0, 0xffffffff]])
  assert.deepEqual(list.v6, [[0n, (1n << 128n) - 1n]])
})

test('what is no network is refused with what to write instead', () => {
  const cases: readonly [string, RegExp, RegExp][] = [
    ['10.0.0.1/8', /bits set/, /write 10\.0\.0\.0\/8 for the network, or 10\.0\.0\.1 for/],
    ['2001:db8::1/32', /bits set/, /write 2001:db8::\/32/],
    ['2001:0:0:1:0:0:0:1/64', /bits set/, /write 2001:0:0:1::\/64 for the network, or 2001:0:0:1::1 for/],
    ['fe80::1%eth0', /zone/, /write fe80::1$/],
    ['fe80::%1/64', /zone/, /write fe80::\/64$/],
    ['010.0.0.0/8', /leading zeros/, /write 10\.0\.0\.0\/8/],
    ['10.0.0.0/33', /0 to 32/, /./],
    ['10.0.0.0/08', /0 to 32/, /write \/8/],
    ['::/129', /0 to 128/, /./],
    ['10.0.0.0/', /0 to 32/, /./],
    ['10.0.0.0/-1', /0 to 32/, /./],
    ['10.0.0.0/255.0.0.0', /0 to 32/, /in place of the mask/],
    ['10.0.0/24', /not an IP address/, /write 10\.0\.0\.0\/24/],
    ['10.*', /not an IP address/, /write 10\.0\.0\.0\/8/],
    [' 10.0.0.0/8', /not an IP address/, /drop the spaces/],
    ['[::1]', /not an IP address/, /write ::1/],
    ['localhost', /not an IP address/, /192\.0\.2\.1/],
    ['', /not an IP address/, /192\.0\.2\.1/],
    ['1:2:3:4:5:6:7::8', /not an IP address/, /./],
    [':::', /not an IP address/, /./],
    ['1:2:3:4:5:6:7', /not an IP address/, /./],
    ['12345::', /not an IP address/, /./],
    ['::1.2.3', /not an IP address/, /./],
    ['1.2.3.4::', /not an IP address/, /./],
  ]
  for (const [text, message, suggestion] of cases) {
    const result = parseNetwork(text)
    assert.ok('message' in result, text)
    assert.match(result.message, message, text)
    if (suggestion.source !== '.') assert.match(result.suggestion ?? '', suggestion, text)
  }
})

test('each bad network of a list is named by its index', () => {
  assert.deepEqual(shown(issuesOf(ruleSetOf({ field: 'a', cidr: ['10.0.0.0/8', '10.0.0.0/40', '::1', 'x'] }))), [
    'rules[0].when.cidr[1]: The prefix length of "10.0.0.0/40" is not a number from 0 to 32.',
    'rules[0].when.cidr[3]: "x" is not an IP address or network. [write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32]',
  ])
})
