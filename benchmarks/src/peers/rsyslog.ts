// Peer: rsyslog, which reads a file as it grows, parses each line as JSON, and runs a script over it. It never ends by
// itself: a last line is put behind the input, and when that has come through, it is told to end.

import { appendFileSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { debianPackage, libraryFolders } from '../tools/debian.ts'
import { patternOfTexts } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { writePosixPattern } from './posix-pattern.ts'
import { Inexpressible, translate } from './translation.ts'
import type { Comparison, Field, Language, Translation } from './translation.ts'

/** The key that only the last line has. */
const endKey = 'weir_end_of_input'

/** How its script says tests. */
export const rsyslogLanguage: Language = {
  all: (tests) => `(${tests.join(' and ')})`,
  any: (tests) => `(${tests.join(' or ')})`,
  not: (test) => `not (${test})`,
  // What is absent or null has an empty text; an empty text in a record cannot be told from these.
  hasText: (field, missing) => `(not (${valueOf(field)} == ${listOf(['', ...missing])}))`,
  exists: (field, missing) =>
    missing.length === 0
      ? `exists(${valueOf(field)})`
      : `(exists(${valueOf(field)}) and not (${valueOf(field)} == ${listOf(missing)}))`,
  oneOf: (field, texts) => `(${valueOf(field)} == ${listOf(texts)})`,
  prefix: (field, texts) => `(${valueOf(field)} startswith ${listOf(texts)})`,
  suffix: (field, texts) => patternTest(field, patternOfTexts(texts, 'end', false)),
  contains: (field, texts) => `(${valueOf(field)} contains ${listOf(texts)})`,
  pattern: patternTest,
  compare,
  faultOfPath: (path) =>
    path.some((part) => typeof part === 'string' && !/^\w+$/.test(part)) ? 'keys with other characters' : undefined,
}

function valueOf({ path }: Field): string {
  const [first, ...rest] = path
  return `$!${first}${rest.map((part) => (typeof part === 'number' ? `[${part}]` : `!${part}`)).join('')}`
}

/** Text in single quotes, with a backslash before one and before a backslash. */
function literal(text: string): string {
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
  return `'${text.replaceAll(/[\\'\n\r\t]/g, (character) => named[character] ?? `\\${character}`)}'`
}

function listOf(texts: readonly string[]): string {
  return texts.length === 1 ? literal(texts[0]!) : `[${texts.map(literal).join(',')}]`
}

function patternTest(field: Field, pattern: Pattern): string {
  return `re_match(${valueOf(field)}, ${literal(writePosixPattern(pattern))})`
}

/** It compares integers only, so a number is compared by what stands before its point, and then by what stands behind. */
function compare(field: Field, comparison: Comparison, bound: string): string {
  const limit = Number(bound)
  if (!Number.isSafeInteger(limit) || limit < 0) throw new Inexpressible(`numbers like ${bound}`)
  const matches = (body: string): string => patternTest(field, { body, ignoreCase: false, at: 'whole' })
  const whole = `field(${valueOf(field)}, 46, 1)`
  const isAbove = comparison === '>' || comparison === '<='
  const reaches = isAbove
    ? `(${whole} > ${limit} or (${whole} == ${limit} and ${matches('[0-9]+[.]0*[1-9][0-9]*')}))`
    : `${whole} >= ${limit}`
  // What is negative reaches no limit.
  const isReached = `(${matches('[0-9]+([.][0-9]+)?')} and ${reaches})`
  return comparison.startsWith('<') ? `(${matches('-?[0-9]+([.][0-9]+)?')} and not ${isReached})` : isReached
}

/** Returns the statements that decide a record, the first rule that holds ending them. Errors: Inexpressible. */
export function rsyslogRules({ rules, keepsByDefault }: Translation): string {
  // One action for all rules: each has a buffer of its own, and lines of two would change places.
  const keep = 'call kept'
  const statements = rules.map(({ test, keeps }) => `  if ${test} then { ${keeps ? `${keep} ` : ''}stop }`)
  return [...statements, ...(keepsByDefault ? [`  ${keep}`] : [])].join('\n')
}

function settings({
  input,
  output,
  folder,
  end,
}: Readonly<Record<'input' | 'output' | 'folder' | 'end', string>>): string {
  const path = (text: string): string => `"${text.replaceAll(/[\\"$]/g, '\\$&')}"`
  return `main_queue(queue.workerThreads="1")
global(workDirectory=${path(folder)} maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off" abortOnUncleanConfig="on")
module(load="imfile") module(load="mmjsonparse")
template(name="raw" type="string" string="%msg%\\n")
ruleset(name="kept") { action(type="omfile" file=${path(output)} template="raw") }
input(type="imfile" File=${path(input)} Tag="x" ruleset="r")
ruleset(name="r" queue.type="FixedArray" queue.workerThreads="1") {
  action(type="mmjsonparse" cookie="")
  if $parsesuccess != "OK" then stop
  if $!${endKey} == "1" then { action(type="ompipe" pipe=${path(end)} template="raw") stop }
`
}

/** Returns the option that tells rsyslogd where an unpacked package has its modules. */
export function moduleOptions(root: string): string {
  return `-M ${quote(
    libraryFolders(root)
      .map((folder) => join(folder, 'rsyslog'))
      .join(':'),
  )}`
}

/** rsyslog, with one worker: with more, lines change places. */
export const rsyslog: Peer = {
  id: 'rsyslog',
  label: 'rsyslog',
  tool: debianPackage({
    name: 'rsyslog',
    program: 'usr/sbin/rsyslogd',
    options: moduleOptions,
    versionOption: '-v',
  }),
  hasThreads: false,
  rewrites: false,
  translate: ({ rules }) => rsyslogRules(translate(rules, rsyslogLanguage)),
  command: (translation, { found, input, output, folder }) => {
    const file = (name: string): string => join(folder, name)
    // The state files of earlier runs would tell it that it has read all there is.
    const [settingsPath, records, end] = [file('rsyslog.conf'), file('input.ndjson'), file('end')] as const
    copyFileSync(input, records)
    appendFileSync(records, `{"${endKey}":"1"}\n`)
    writeFileSync(settingsPath, `${settings({ input: records, output, folder, end })}${translation}\n}\n`)
    const daemon = `$TIME ${found.command} -n -f ${quote(settingsPath)} -i ${quote(file('pid'))}`
    const [last, ended] = [end, file('ended')].map(quote)
    const prepare = `rm -f ${last} ${ended} ${quote(folder)}/imfile-state*; mkfifo ${last}`
    // A daemon that does not start says so where its last line is waited for.
    const watched = `{ ${daemon}; code=$?; [ -e ${ended} ] || echo > ${last}; exit $code; } & daemon=$!`
    return `${prepare}; ${watched}; read line < ${last}; : > ${ended}; kill "$(cat ${quote(file('pid'))})"; wait $daemon`
  },
}
