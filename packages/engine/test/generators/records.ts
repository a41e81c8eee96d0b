// Arbitrary inputs: records of every shape and spelling, broken ones, and lines of any bytes. They shrink towards
// fewer records and plainer spellings; a seed and a number of runs reproduce each. Used by the differential tests.

import * as fc from 'fast-check'
import { addressTexts, keys, numberTexts, text, word } from './vocabulary.ts'

/** Numbers as JSON spells them. */
const numberTokens = ['0', '-0', '1', '5', '7', '500', '503', '5e2', '500.0', '1E5', '1e+05', '0.1', '1.50']
const hugeTokens = [
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '18446744073709551616',
  '-9223372036854775809',
  '9'.repeat(40),
]
/** What stands where a value should, and is none. */
const brokenTokens = ['01', '+1', '.5', '5.', '1e', '-', 'NaN', 'tru', 'nulll', "'x'", '', '1 2', '0x1', '\u00a0']

type Value =
  | { readonly text: string; readonly spelling: readonly number[] }
  | { readonly token: string }
  | { readonly items: readonly Value[] }
  | { readonly members: readonly Member[] }
type Member = readonly [key: string, spelling: readonly number[], value: Value]

const lone = fc.constantFrom('\ud800', '\udfff', '\ud83d\ud83d\ude00', '\ude00\ud83d')
const spelling = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.nat(3), { maxLength: 6 }) },
)
const stringValue = fc.record({
  text: fc.oneof(
    { weight: 9, arbitrary: text },
    { weight: 2, arbitrary: fc.constantFrom(...numberTexts) },
    { weight: 1, arbitrary: fc.tuple(text, lone, text).map((parts) => parts.join('')) },
  ),
  spelling,
})
const token = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...numberTokens, 'true', 'false', 'null', 'null') },
  { weight: 3, arbitrary: fc.constantFrom(...hugeTokens, ...numberTexts.filter((digits) => !digits.startsWith('00'))) },
  { weight: 1, arbitrary: fc.constantFrom(...brokenTokens) },
)

const tree = fc.letrec<{ value: Value; members: readonly Member[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'value' },
    { weight: 5, arbitrary: stringValue },
    { weight: 2, arbitrary: token.map((written) => ({ token: written })) },
    {
      weight: 1,
      arbitrary: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'value' }).map((items) => ({ items })),
    },
    { weight: 2, arbitrary: tie('members').map((members) => ({ members })) },
  ),
  members: fc.array(
    fc.tuple(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: text }),
      spelling,
      tie('value'),
    ),
    { maxLength: 6, depthIdentifier: 'value' },
  ),
}))

/** White space between tokens, by style: none, as people write it, or all kinds in turn. */
const spaces = [[''], ['', ' '], ['', ' ', '\t', '\r', ' \t\r ']]

/** Writes values as JSON text, in one style of white space. */
class Writer {
  readonly #spaces: readonly string[]
  #gaps = 0

  constructor(style: number) {
    this.#spaces = spaces[style]!
  }

  #gap(): string {
    return this.#spaces[this.#gaps++ % this.#spaces.length]!
  }

  value(value: Value): string {
    if ('token' in value) return value.token
    if ('text' in value) return spell(value.text, value.spelling)
    const [open, close] = 'items' in value ? '[]' : '{}'
    const parts =
      'items' in value
        ? value.items.map((item) => this.#gap() + this.value(item) + this.#gap())
        : value.members.map(
            ([key, spelled, member]) =>
              this.#gap() + spell(key, spelled) + this.#gap() + ':' + this.#gap() + this.value(member) + this.#gap(),
          )
    return open + (parts.length === 0 ? this.#gap() : parts.join(',')) + close
  }
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** Returns a JSON string; entry i of `choices` says how character i is spelled: as it is, short, \uabcd or \uABCD. */
function spell(plain: string, choices: readonly number[]): string {
  const written = [...plain].map((character, i) => {
    const choice = choices[i] ?? 0
    const mustEscape = /["\\\u0000-\u001f\ud800-\udfff]/u.test(character)
    if (choice === 0 && !mustEscape) return character
    const short = shortEscapes[character]
    if (choice <= 1 && short !== undefined) return short
    const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
    return units.map((digits) => `\\u${choice === 3 ? digits.toUpperCase() : digits}`).join('')
  })
  return `"${written.join('')}"`
}

const style = fc.nat(spaces.length - 1)
const anyRecord = fc
  .tuple(tree.members, style)
  .map(([members, gaps]) => Buffer.from(new Writer(gaps).value({ members })))

/** Fields as a content delivery network logs them: always the same keys in the same order, and texts as values. */
const logKeys = ['version', 'cliIP', 'statusCode', 'UA', 'country', 'reqTimeMs', 'a', 'reqPath', 'b', 'cookie']
const logTexts: Readonly<Record<string, fc.Arbitrary<string>>> = {
  cliIP: fc.constantFrom(...addressTexts),
  reqTimeMs: fc.constantFrom(...numberTexts),
}
const logText = fc.oneof({ weight: 5, arbitrary: word }, { weight: 1, arbitrary: text })
const logRecord = fc
  .tuple(...logKeys.map((key) => logTexts[key] ?? logText))
  .map((texts) => Buffer.from(JSON.stringify(Object.fromEntries(texts.map((value, i) => [logKeys[i], value])))))

const deepRecord = fc
  .tuple(
    fc.constantFrom(2, 100, 1022, 1023, 1024, 3000),
    fc.constantFrom('[', '{"a":'),
    fc.constantFrom('', '1', '{}', '[]', '"x"'),
  )
  .map(([depth, open, middle]) =>
    Buffer.from(`{"b":1,"a":${open.repeat(depth)}${middle}${(open === '[' ? ']' : '}').repeat(depth)},"UA":"x"}`),
  )

/** Bytes, as latin1 text, that break a record wherever they stand, or nearly do. */
const hostilePieces: readonly string[] = [
  ...'"\\{}[]:,0e-. \t\r\n\u0000\u001fu\u007f\u0080\u00bf\u00c0\u00c3\u00e2\u00ed\u00f0\u00f4\u00ff'.split(''),
  ...['\u00ed\u00a0\u0080', '\u00f4\u0090\u0080\u0080', '\u00c0\u0080', '\u00e0\u0080\u0080', '\u00ef\u00bb\u00bf'],
  ...['\u00e2\u0082', '\u00c3\u00a9', '\\u', '\\ud800', '""', ',,', ':1', '{}', '[]', 'nul', '","', '\\\\'],
]
const hostilePiece = fc.constantFrom(...hostilePieces).map((piece) => Buffer.from(piece, 'latin1'))
const garbage = fc.array(hostilePiece, { maxLength: 20 }).map((pieces) => Buffer.concat(pieces))
const mutation = fc.record({ at: fc.nat(10_000), kind: fc.nat(3), piece: hostilePiece })

/** Returns the record with bytes replaced, inserted or left out, or all behind a place left out. */
const mutated = (record: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(record, fc.array(mutation, { minLength: 1, maxLength: 3 })).map(([bytes, mutations]) =>
    mutations.reduce((whole, { at, kind, piece }) => {
      const place = at % (whole.length + 1)
      const behind = kind === 3 ? whole.length : place + (kind === 1 ? 0 : 1)
      const between = kind <= 1 ? [piece] : []
      return Buffer.concat([whole.subarray(0, place), ...between, whole.subarray(behind)])
    }, bytes),
  )

const lineEnd = fc.constantFrom('\n', '\n', '\n', '\r\n', '\n\n', '\n \t\n', '\r\r\n')

function joinLines(lines: readonly (readonly [Buffer, string])[], isTerminated: boolean): Buffer {
  const pieces = lines.flatMap(([record, end]) => [record, Buffer.from(end)])
  return Buffer.concat(isTerminated ? pieces : pieces.slice(0, -1))
}

/** Inputs of few records of every kind. */
export const mixedInput: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 8, arbitrary: anyRecord },
          { weight: 4, arbitrary: logRecord },
          { weight: 4, arbitrary: mutated(anyRecord) },
          { weight: 2, arbitrary: mutated(logRecord) },
          { weight: 1, arbitrary: deepRecord },
          { weight: 1, arbitrary: garbage },
        ),
        lineEnd,
      ),
      { minLength: 1, maxLength: 24 },
    ),
    fc.boolean(),
  )
  .map(([lines, isTerminated]) => joinLines(lines, isTerminated))

/** Inputs of many records alike, with a few that are not: what a kernel learns from the first ones is wrong for them. */
export const alikeInput: fc.Arbitrary<Buffer> = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 40, arbitrary: logRecord },
        { weight: 1, arbitrary: anyRecord },
        { weight: 2, arbitrary: mutated(logRecord) },
      ),
      fc.constantFrom('\n'),
    ),
    { minLength: 1, maxLength: 600, size: 'max' },
  )
  .map((lines) => joinLines(lines, true))
