// Peers: jq, and gojq and jaq, which take the same programs. Each line is read as text and parsed in the program, so that
// what is kept leaves as it came, and a malformed line is passed over.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { crate } from '../tools/crates.ts'
import { debianPackage } from '../tools/debian.ts'
import type { Tool } from '../tools/tool.ts'
import type { FieldPath } from './field-path.ts'
import { numberPattern, patternOfNetwork, patternOfTexts, writePattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { Inexpressible, translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

/** A value's text, empty where it has none, and whether it has one. */
const texts = `def text: if type == "string" then . elif type == "number" or type == "boolean" then tostring else "" end;
def has_text: type == "string" or type == "number" or type == "boolean";
`
/** The number of a text, null where it is none: by its ends, as a pattern takes many times longer. */
const quickNumber = `def number: . as $text
  | if .[0:1] as $first | .[-1:] as $last
      | ($first == "-" or ($first >= "0" and $first <= "9")) and $last >= "0" and $last <= "9"
    then try ($text | tonumber) catch null else null end;
`
/** The same for jaq, which takes more for a number. */
const strictNumber = `def number: if test(${JSON.stringify(writePattern(numberPattern))}) then tonumber else null end;
`

const language: Language = {
  all: (tests) => `(${tests.join(' and ')})`,
  any: (tests) => `(${tests.join(' or ')})`,
  not: (test) => `(${test} | not)`,
  hasText: (field, missing) => `($v${field.index} | has_text${exceptFor(field, missing)})`,
  exists: (field, missing) => `($v${field.index} | . != null${exceptFor(field, missing)})`,
  oneOf: (field, texts) => listTest(field, texts, '==', (text) => `${name(field)} == ${text}`),
  prefix: (field, texts) => listTest(field, texts, 'startswith'),
  suffix: (field, texts) => listTest(field, texts, 'endswith'),
  contains: (field, texts) => listTest(field, texts, 'contains'),
  pattern: (field, pattern) => `(${name(field)} | test(${JSON.stringify(writePattern(pattern))}))`,
  compare: (field, comparison, bound) => `(${name(field)} | number | . != null and . ${comparison} ${bound})`,
  cidr: (field, networks) => `(${networks.map((network) => networkTest(field, network)).join(' or ')})`,
}

/** Texts that are written out one by one. */
const mostTexts = 16

function name({ index }: Field): string {
  return `$f${index}`
}

function exceptFor(field: Field, missing: readonly string[]): string {
  return missing.map((text) => ` and ${name(field)} != ${JSON.stringify(text)}`).join('')
}

/** A test for any of the texts: written out for a few, and over a list for many, which compiles faster. */
function listTest(
  field: Field,
  texts: readonly string[],
  filter: string,
  one = (text: string) => `(${name(field)} | ${filter}(${text}))`,
): string {
  const literals = texts.map((text) => JSON.stringify(text))
  if (literals.length <= mostTexts)
    return literals.length === 1 ? one(literals[0]!) : `(${literals.map(one).join(' or ')})`
  if (filter === '==') return `({${literals.map((text) => `${text}:1`).join(',')}} | has(${name(field)}))`
  return `any([${literals.join(',')}][]; . as $each | ${one('$each')})`
}

/** Patterns are slow here, so one is tried only where the address begins as those of the network do. */
function networkTest(field: Field, network: string): string {
  try {
    const pattern = patternOfNetwork(network)
    const [start = ''] = /^(?:\d+\\\.)*/.exec(pattern.body) ?? []
    const test = language.pattern(field, pattern)
    return start === '' ? test : `(${language.prefix(field, [start.replaceAll('\\', '')])} and ${test})`
  } catch (error) {
    if (error instanceof RangeError) throw new Inexpressible(error.message)
    throw error
  }
}

function valueAt(path: FieldPath): string {
  const steps = path.map((part) => (typeof part === 'number' ? `[${part}]` : `[${JSON.stringify(part)}]`)).join('')
  return path.length === 1 ? `.${steps}` : `(try .${steps} catch null)`
}

/** Returns a jq program for lines as text that prints those that the rules keep. Errors: Inexpressible. */
function jqProgram({ fields, rules, keepsByDefault }: Translation, number: string): string {
  const bindings = fields.map(
    (field) => `${valueAt(field.path)} as $v${field.index}\n| ($v${field.index} | text) as ${name(field)}`,
  )
  const branches = rules.map(({ test, keeps }, i) => `${i === 0 ? 'if' : 'elif'} ${test} then ${keeps}`)
  const decision = branches.length === 0 ? String(keepsByDefault) : `${branches.join('\n')}\nelse ${keepsByDefault} end`
  return `${texts}${number}. as $line | fromjson? | objects\n| ${[...bindings, `select(${decision})`].join('\n| ')}\n| $line\n`
}

/** jaq finds any of many texts faster by a pattern, which it keeps, than one by one. */
const jaqLanguage: Language = {
  ...language,
  contains: (field, texts) =>
    texts.length > mostTexts
      ? language.pattern(field, patternOfTexts(texts, 'anywhere', false))
      : language.contains(field, texts),
}

function peer(id: string, tool: Tool, used = language, number = quickNumber): Peer {
  return {
    id,
    label: id,
    tool,
    hasThreads: false,
    rewrites: false,
    translate: ({ rules }) => jqProgram(translate(rules, used), number),
    command: (translation, { found, input, output, folder }) => {
      const program = join(folder, 'program.jq')
      writeFileSync(program, translation)
      return `$TIME ${found.command} -rR -f ${quote(program)} ${quote(input)} > ${quote(output)}`
    },
  }
}

/** jq, in C. */
export const jq = peer('jq', debianPackage({ name: 'jq', program: 'usr/bin/jq', isSystem: true }))

/** gojq, in Go. */
export const gojq = peer('gojq', debianPackage({ name: 'gojq', program: 'usr/bin/gojq' }))

/** jaq, in Rust. */
export const jaq = peer('jaq', crate({ name: 'jaq', version: '3.1.2', program: 'jaq' }), jaqLanguage, strictNumber)
