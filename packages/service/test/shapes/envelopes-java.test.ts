// Envelopes against the real Jackson, odd ones above all: which it refuses, and which lines come out of the others.
// WEIR_SEED and WEIR_RUNS as for the tests of the engine. WEIR_RECORD=1 writes some of the answers to
// fixtures/original/envelopes.json, which judge on machines without Java.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { Envelopes } from '#src/shapes/envelopes.js'
import { shapeAll } from './shaping.js'

/** An envelope in Base64, and the lines of its message, so too; or that it is refused. */
interface EnvelopeCase {
  readonly envelope: string
  readonly kept?: string
  readonly error?: true
}

type LoadedPeer = { readonly ask: (requests: readonly object[]) => unknown[]; skip?: undefined } | { skip: string }

const recorded = new URL('../../../../fixtures/original/envelopes.json', import.meta.url)
const seed = process.env['WEIR_SEED'] === 'random' ? Date.now() % 2 ** 31 : Number(process.env['WEIR_SEED'] ?? 1)
const runs = Number(process.env['WEIR_RUNS'] ?? 1000)

// The program is the engine's; its tests are built beside these.
const peerFile = new URL('../../../engine/dist-test/java-peer.js', import.meta.url).href
const { loadJavaPeer } = (await import(peerFile)) as { loadJavaPeer: (moduleUrl: string) => LoadedPeer }
const peer = loadJavaPeer(import.meta.url)

const good = '"message":"{\\"a\\":\\"b\\"}"'
const odd: readonly string[] = [
  `{${good}} x`,
  `{${good}}{"message":"{}"}`,
  `{${good}}]`,
  `{${good}`,
  `{${good},}`,
  `{"x":{},"x":1,${good}}`,
  `{"message":{},${good}}`,
  `{"message":["x"]}`,
  `{${good},"message":null}`,
  `{"message":7,${good}}`,
  `{"m\\u0065ssage":"x\\ty\\/"}`,
  `{"message":-1.50e+07,"t":true}`,
  `{"message":-0.0}`,
  `{"message":false}x`,
  ...['01', '1.', '.5', '+1', '-', '1e', 'NaN', 'nul', 'True', '', '"', '"\\x"', '"\t"', "'a'"].map(
    (value) => `{${good},"n":${value}}`,
  ),
  ...[999, 1000, 1001, 1010].flatMap((digits) =>
    ['', '-', '0.', '-0.', '1e+'].map((before) => `{${good},"n":${before}${'1'.repeat(digits)}}`),
  ),
  `{${good},"${'k'.repeat(50_000)}":1}`,
  `{${good},"${'k'.repeat(50_001)}":1}`,
  `{${good},"${'é'.repeat(50_000)}":1}`,
  `{"message":"\\n\\n"}`,
  `{"message":"x\\r\\n\\ny"}`,
  `\u00a0{${good}}`,
  ` \t{ "message" : "a" , "b" : 1 } `,
  `{"a" "message":"x"}`,
  `{"message":"x"\u00a0}`,
  `"x"`,
  `[{${good}}]`,
  `12`,
  `x`,
]
/** Bytes that are not UTF-8, as characters of latin1. */
const broken: readonly string[] = [
  '{"message":"{}\\n{\\"a\\":\\"\xff\\"}\\n{\\"b\\":1}"}',
  '{"message":"\xe2\x82\\u0041\xe2\x82\\ud83d\\ude00\xc3\\n\\"\\\\"}',
  '{"message":"a\xe9","\xff":"\xf0\x9f\x98"}',
  `{"message":"a","${'\xc3'.repeat(50_000)}":1}`,
  '{\xff"message":"a"}',
]

/** Texts that strings are drawn from. */
const letters = [
  'a',
  '{}',
  '\\n',
  '\\n',
  '\\r',
  '\\"',
  '\\\\',
  '\\u00e9',
  '\\ud83d\\ude00',
  '\xc3\xa9',
  '\xff',
  '\xe2\x82',
]

/** Returns an envelope of parts that are mostly right, as bytes. A half of a surrogate pair, see docs/cli.md, is in none. */
function draw(random: Random): Buffer {
  const rarely = (odds: readonly string[], usual: string) => (random.below(20) === 0 ? random.pick(odds) : usual)
  const text = () =>
    `"${Array.from({ length: random.below(9) }, () => random.pick(letters)).join('')}${rarely(['\\x', '\x01', '\t', '\\u00g0'], '')}"`
  const scalar = () => random.pick(['1', '-0.5e3', 'true', 'false', 'null'])
  const value = () => rarely(['{}', '[]', '01', '', '-', '{"message":"a"}'], random.below(4) === 0 ? scalar() : text())
  const key = () => random.pick(['"message"', '"message"', '"a"', '"m\\u0065ssage"', '"b"', '"\xc3"'])
  const space = () => rarely(['\x0b', '\xa0', 'x', '"'], random.pick(['', '', '', ' ', '\t', '\r']))
  const members = Array.from({ length: random.below(4) }, () => `${space()}${key()}:${value()}${space()}`).join(',')
  const behind = random.pick(['', '', '', ' x', '}', ',{}', '\xff'])
  return Buffer.from(`${random.pick(['', ' '])}{${members}${rarely(['', ','], '}')}${behind}`, 'latin1')
}

/** Returns the answer of the shape, its bytes read as Java reads them. No encoded half of a pair is among these. */
function answerOf(envelope: string): EnvelopeCase {
  const { text, rejects } = shapeAll(new Envelopes(), Buffer.from(envelope, 'base64'), [1 << 30])
  if (rejects.length > 0) return { envelope, error: true }
  return { envelope, kept: Buffer.from(text).toString('base64') }
}

function check(cases: readonly EnvelopeCase[]): void {
  const shown = ({ envelope, kept, error }: EnvelopeCase) => ({
    envelope: Buffer.from(envelope, 'base64').toString('latin1').slice(0, 200),
    kept: kept === undefined ? undefined : Buffer.from(kept, 'base64').toString(),
    error,
  })
  const wrong = cases.filter((each) => shown(each).kept !== shown(answerOf(each.envelope)).kept)
  assert.deepEqual(
    wrong.slice(0, 10).map((each) => shown(answerOf(each.envelope))),
    wrong.slice(0, 10).map(shown),
    `${wrong.length} differences, seed ${seed}`,
  )
}

test(
  'envelopes give the lines that they give in Java, and those that Java refuses are refused',
  {
    skip: peer.skip ?? false,
  },
  (t) => {
    assert.ok(peer.skip === undefined)
    const random = new Random(seed)
    const drawn = Array.from({ length: 5 * runs }, () => draw(random))
    const all = [
      ...odd.map((text) => Buffer.from(text)),
      ...broken.map((text) => Buffer.from(text, 'latin1')),
      ...drawn,
    ]
    const requests = all.map((each) => ({ filters: [], envelope: each.toString('base64') }))
    const answers = peer.ask(requests) as { kept?: string; error?: string }[]
    const cases = requests.map(({ envelope }, i): EnvelopeCase => {
      const { kept } = answers[i]!
      return kept === undefined ? { envelope, error: true } : { envelope, kept }
    })
    if (process.env['WEIR_RECORD'] === '1') {
      const few = cases.filter(({ envelope }) => envelope.length < 400).slice(0, 300)
      writeFileSync(recorded, `[\n${few.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`)
    }
    const refused = cases.filter(({ error }) => error).length
    const empty = cases.filter(({ kept }) => kept === '').length
    t.diagnostic(`${cases.length} envelopes, ${refused} refused, ${empty} without lines; seed ${seed}`)
    assert.ok(refused < cases.length * 0.7 && empty < cases.length * 0.6, 'the generator has become too wild')
    check(cases)
  },
)

test('envelopes give the lines that Java was recorded to give', () => {
  const cases = JSON.parse(readFileSync(recorded, 'utf8')) as EnvelopeCase[]
  assert.ok(cases.length > 100 && cases.some(({ error }) => error) && cases.some(({ kept = '' }) => kept !== ''))
  check(cases)
})
