// Peer: syslog-ng, which reads lines from a pipe, parses each as JSON, and writes what a filter lets through.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { debianPackage } from '../tools/debian.ts'
import { numberPattern, patternOfTexts, writePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

/** Texts that are searched one by one; more of them are one pattern, or several of bounded size. */
const mostTexts = 4
const mostInPattern = 250

const language: Language = {
  all: (tests) => `(${tests.join(' and ')})`,
  any: (tests) => `(${tests.join(' or ')})`,
  not: (test) => `not (${test})`,
  // What is absent, null or an object has an empty text; an empty text in a record cannot be told from these.
  hasText: hasValue,
  exists: hasValue,
  oneOf: textsTest('whole', ''),
  prefix: textsTest('start', 'prefix'),
  suffix: (field, texts) => patternsTest(field, texts, 'end'),
  contains: textsTest('anywhere', 'substring'),
  pattern: patternTest,
  compare: (field, comparison, bound) =>
    `(${patternTest(field, numberPattern)} and "\${${keyOf(field)}}" ${comparison} ${bound})`,
  faultOfPath: (path) => {
    if (path.some((part) => typeof part === 'number')) return 'positions in arrays'
    return path.every((part) => /^[\w-]+$/.test(String(part))) ? undefined : 'keys with other characters'
  },
}

function hasValue(field: Field, missing: readonly string[]): string {
  return `(not ${['', ...missing].map((text) => textTest(field, text)).join(' and not ')})`
}

function keyOf({ path }: Field): string {
  return `.j.${path.join('.')}`
}

/** Text in double quotes, with a backslash before one and before a backslash; a backtick begins a name unless it is doubled. */
function literal(text: string): string {
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '`': '``' }
  return `"${text.replaceAll(/[\\"`\n\r\t]/g, (character) => named[character] ?? `\\${character}`)}"`
}

function textTest(field: Field, text: string, flag = ''): string {
  const flags = flag === '' ? '' : ` flags("${flag}")`
  return `match(${literal(text)} value(${literal(keyOf(field))}) type("string")${flags})`
}

function patternTest(field: Field, pattern: Pattern): string {
  return `match(${literal(writePattern(pattern))} value(${literal(keyOf(field))}) type("pcre"))`
}

function patternsTest(field: Field, texts: readonly string[], at: Pattern['at']): string {
  const tests: string[] = []
  for (let i = 0; i < texts.length; i += mostInPattern) {
    tests.push(patternTest(field, patternOfTexts(texts.slice(i, i + mostInPattern), at, false)))
  }
  return tests.length === 1 ? tests[0]! : language.any(tests)
}

function textsTest(at: Pattern['at'], flag: string): (field: Field, texts: readonly string[]) => string {
  return (field, texts) => {
    if (texts.length > mostTexts) return patternsTest(field, texts, at)
    const tests = texts.map((text) => textTest(field, text, flag))
    return tests.length === 1 ? tests[0]! : language.any(tests)
  }
}

/** Returns filters and log paths, the first that lets a record through deciding; `d` is the destination. */
export function syslogNgRules({ rules, keepsByDefault }: Translation): string {
  const paths = rules.map(({ keeps }, i) => `  log { filter(r${i});${keeps ? ' destination(d);' : ''} flags(final); };`)
  return [
    ...rules.map(({ test }, i) => `filter r${i} { ${test}; };`),
    'log {\n  source(s); parser(p);',
    ...paths,
    ...(keepsByDefault ? ['  log { destination(d); flags(final); };'] : []),
    // Without this, records are lost when the source is quicker than the destination.
    '  flags(flow-control);\n};\n',
  ].join('\n')
}

function settings(version: string, output: string): string {
  return `@version: ${version}
options { stats-freq(0); log-msg-size(1048576); };
source s { stdin(flags(no-parse) log-fetch-limit(1000) log-iw-size(10000)); };
parser p { json-parser(prefix(".j.")); };
destination d { file(${literal(output)} template("$MSG\\n") log-fifo-size(20000)); };
`
}

/** Where an unpacked package has its modules. */
function moduleOptions(root: string): string {
  return `--module-path=${quote(join(root, 'usr/lib/syslog-ng/3.38'))}`
}

/** syslog-ng, which reads one pipe in one thread. */
export const syslogNg: Peer = {
  id: 'syslog-ng',
  label: 'syslog-ng',
  tool: debianPackage({ name: 'syslog-ng-core', program: 'usr/sbin/syslog-ng', options: moduleOptions }),
  hasThreads: false,
  rewrites: false,
  translate: ({ rules }) => syslogNgRules(translate(rules, language)),
  command: (translation, { found, input, output, folder }) => {
    const path = join(folder, 'syslog-ng.conf')
    const version = /(\d+\.\d+)/.exec(found.version)?.[1] ?? '3.38'
    writeFileSync(path, `${settings(version, output)}${translation}`)
    const own = ['persist', 'pid', 'ctl'].map((name) => quote(join(folder, name)))
    const files = `--persist-file=${own[0]} --pidfile=${own[1]} --control=${own[2]} --no-caps`
    return `cat ${quote(input)} | $TIME ${found.command} -F -f ${quote(path)} ${files}`
  },
}
