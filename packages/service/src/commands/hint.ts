// Says, at the end of a run that came to nothing, which option would have read the input: only where its first line leaves
// no doubt. Called by filter.ts.

import type { Counts } from '@weir/engine'

import { byteOrderMarkLength } from '../shapes/detect.ts'
import type { InputFormat } from '../shapes/shape.ts'
import { RecordWriter, webFormats, writeWebRecord } from '../shapes/web-fields.ts'
import type { WebFormat } from '../shapes/web-fields.ts'

/** What a hint is judged by. */
export interface HintFacts {
  /** First bytes of the first input, inflated. */
  readonly head: Uint8Array
  readonly counts: Pick<Counts, 'records' | 'kept' | 'dropped' | 'malformed'>
  readonly ruleIds: readonly string[]
  readonly inputFormat?: InputFormat | undefined
  readonly parse?: WebFormat | undefined
}

interface Case {
  /** Returns whether the case is this one; `line` is the first line, of latin1 characters. */
  readonly holds: (facts: HintFacts, line: string) => boolean
  readonly hint: (facts: HintFacts) => string
}

const isAllMalformed = ({ counts }: HintFacts) => counts.records > 0 && counts.malformed === counts.records

/** What a line of each format consists of. */
const fieldsOf: Readonly<Record<WebFormat, string>> = {
  combined: 'ADDRESS IDENTITY USER [TIME] "REQUEST" STATUS BYTES "REFERRER" "USER AGENT"',
  common: 'ADDRESS IDENTITY USER [TIME] "REQUEST" STATUS BYTES',
}

/** The first that holds is told. */
const cases: readonly Case[] = [
  {
    // Filters of the original, or what import made of them: they tell no envelope from another.
    holds: ({ counts, ruleIds, inputFormat = 'auto', parse }, line) =>
      parse === undefined &&
      inputFormat !== 'fluentd' &&
      counts.records > 0 &&
      (counts.kept === 0 || counts.dropped === 0) &&
      ruleIds[0]?.startsWith('filters[0]') === true &&
      /^\s*\{.*?"message"\s*:\s*"\s*\{\s*\\"/.test(line),
    hint: () => 'the first record is an envelope, whose `message` holds records: --input-format fluentd reads those',
  },
  {
    holds: ({ counts, inputFormat }, line) => inputFormat === 'fluentd' && counts.records === 0 && /^\s*\{/.test(line),
    hint: () => 'no envelope has a `message`: for inputs that are records themselves, leave --input-format out',
  },
  {
    holds: (facts) => isAllMalformed(facts) && facts.head[0] === 0x1f && facts.head[1] === 0x8b,
    hint: () => 'what was inflated is gzip again: gzip -dc FILE | weir filter … inflates it twice',
  },
  {
    holds: (facts) => isAllMalformed(facts) && isZlib(facts.head),
    hint: () => 'the input begins as zlib data do, and gzip and zstd are known: inflate it first, as pigz -dc does',
  },
  {
    holds: (facts, line) => isAllMalformed(facts) && facts.parse !== undefined && /^\s*[[{]/.test(line),
    hint: ({ parse }) => `the first line begins as JSON does: leave --parse ${parse} out`,
  },
  {
    holds: (facts) => isAllMalformed(facts) && facts.inputFormat !== undefined && /^\s*\[\s*\{/.test(textOf(facts)),
    hint: () => 'the input begins as an array does: --input-format array reads its elements',
  },
  ...webFormats.map((format): Case => ({
    holds: (facts) => isAllMalformed(facts) && facts.parse !== format && isWebLine(facts, format),
    hint: () => `the first line is one of a web server: --parse ${format} reads such`,
  })),
  {
    holds: (facts, line) =>
      isAllMalformed(facts) &&
      !webFormats.some((format) => isWebLine(facts, format)) &&
      /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "/.test(line),
    hint: ({ parse = 'combined' }) =>
      `the first line is one of a web server with other fields; --parse ${parse} reads ${fieldsOf[parse]}, and no more`,
  },
]

/** Returns one line that names what would help, or undefined when that is not certain. */
export function hintFor(facts: HintFacts): string | undefined {
  const line = firstLine(facts)
  return cases.find(({ holds }) => holds(facts, line))?.hint(facts)
}

function textOf({ head }: HintFacts): string {
  return Buffer.from(head.subarray(byteOrderMarkLength(head))).toString('latin1')
}

function firstLine(facts: HintFacts): string {
  return /^[^\r\n]*/.exec(textOf(facts).trimStart())![0]
}

/** Deflate with any window and the check of RFC 1950, whose first byte no text of ours begins with but `x` and the like. */
function isZlib(head: Uint8Array): boolean {
  const [first = 0, second = 0] = head
  return first === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(second) && !isText(head)
}

function isText(head: Uint8Array): boolean {
  return head.subarray(0, 64).every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)
}

function isWebLine(facts: HintFacts, format: WebFormat): boolean {
  const line = Buffer.from(firstLine(facts), 'latin1')
  return writeWebRecord(line, 0, line.length, format, new RecordWriter(line.length))
}
