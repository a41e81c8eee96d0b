// `npm run bench:operators`: what each operator costs the native kernel for one value, by itself. Not a case: records of one
// field show an operator, and nothing of what a real rule set costs. The table in docs/rules.md is one run of this.

import os from 'node:os'
import type { Predicate } from '@weir/engine'
import { prepareKernelRun } from '@weir/engine/testing'
import type { KernelRun } from '@weir/engine/testing'
import { readFlags } from './flags.ts'
import { runProgram } from './program.ts'
import { summarize } from './statistics.ts'

/** An operator, with a predicate that never holds, so that nothing is kept and all of its work is done. */
interface Subject {
  readonly name: string
  /** What the predicate compares, for the table. */
  readonly what: string
  readonly values: 'agent' | 'number' | 'address'
  readonly predicate: Predicate
}

const many = (count: number, text: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => text(i))
const networks = (count: number): string[] => many(count, (i) => `203.${i >> 8}.${i & 255}.0/24`)
const agent = { field: 'v' } as const

const subjects: readonly Subject[] = [
  {
    name: 'matches',
    what: 'a pattern',
    values: 'agent',
    predicate: { ...agent, matches: 'Mozilla/\\d.*Fire[a-z]+/1\\d' },
  },
  { name: 'search', what: 'a pattern', values: 'agent', predicate: { ...agent, search: '(?i)fire(fox|bird)/1\\d' } },
  { name: 'equals', what: 'one text', values: 'agent', predicate: { ...agent, equals: 'curl/8.5.0' } },
  { name: 'in', what: '10,000 texts', values: 'agent', predicate: { ...agent, in: many(10_000, (i) => `agent-${i}`) } },
  {
    name: 'prefix',
    what: '3 texts',
    values: 'agent',
    predicate: { ...agent, prefix: ['curl/', 'Wget/', 'kube-probe/'] },
  },
  { name: 'suffix', what: '3 texts', values: 'agent', predicate: { ...agent, suffix: ['bot', 'spider', 'crawler'] } },
  { name: 'contains', what: 'one text', values: 'agent', predicate: { ...agent, contains: 'Firefox' } },
  {
    name: 'contains',
    what: '100 texts',
    values: 'agent',
    predicate: { ...agent, contains: many(100, (i) => `Bot${i}`) },
  },
  { name: 'exists', what: '', values: 'agent', predicate: { ...agent, exists: false } },
  { name: 'lt', what: 'an integer', values: 'number', predicate: { ...agent, lt: 0 } },
  { name: 'lte', what: 'an integer', values: 'number', predicate: { ...agent, lte: 0 } },
  { name: 'gt', what: 'a fraction', values: 'number', predicate: { ...agent, gt: 1e9 + 0.5 } },
  { name: 'gte', what: 'an integer', values: 'number', predicate: { ...agent, gte: 1_000_000_000 } },
  { name: 'cidr', what: 'one network', values: 'address', predicate: { ...agent, cidr: ['203.0.113.0/24'] } },
  { name: 'cidr', what: '10,000 networks', values: 'address', predicate: { ...agent, cidr: networks(10_000) } },
  {
    name: 'decode',
    what: 'with `equals`',
    values: 'agent',
    predicate: { ...agent, decode: 'url', equals: 'curl/8.5.0' },
  },
  {
    name: 'ignoreCase',
    what: 'with `equals`',
    values: 'agent',
    predicate: { ...agent, ignoreCase: true, equals: 'CURL/8.5.0' },
  },
]

/** Values as they come, all different: the kernel's memory of values answers none of them. */
const values: Readonly<Record<Subject['values'], (i: number) => string>> = {
  agent: (i) =>
    `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36%20(KHTML, like Gecko) Chrome/12${i % 10}.0.${i}.0 Safari/537.36`,
  number: (i) => String(i * 37 + 1),
  address: (i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
}

function input(subject: Subject, records: number, different: number): Uint8Array {
  return Buffer.from(many(records, (i) => `{"v":"${values[subject.values](i % different)}"}\n`).join(''))
}

/** Nanoseconds for a record; the first call, which fills caches, is not among them. */
function measure(run: KernelRun, records: number): number {
  const started = process.hrtime.bigint()
  run.evaluate()
  return Number(process.hrtime.bigint() - started) / records
}

async function open(
  subject: Subject,
  records: number,
  different: number,
): Promise<{ run: KernelRun; floor: KernelRun }> {
  const bytes = input(subject, records, different)
  const prepare = (when: Predicate): Promise<KernelRun> =>
    // `read`: what the kernel does for every record beside the operator is the least it can do.
    prepareKernelRun({ version: 1, default: 'drop', rules: [{ id: 'r', when, then: 'keep' }] }, bytes, {
      kernel: 'native',
      validation: 'read',
    })
  const run = await prepare(subject.predicate)
  const floor = await prepare({ field: 'v', exists: false })
  for (const each of [run, floor]) each.evaluate()
  const { records: counted, kept } = run.counts()
  if (counted !== records || kept !== 0) throw new Error(`${subject.name}: ${kept} of ${counted} records are kept.`)
  return { run, floor }
}

/**
 * What an operator adds to finding the field. The least of many rounds: what disturbs a loop of a few milliseconds only
 * ever makes it longer.
 */
async function cost(subject: Subject, records: number, different: number, rounds: number): Promise<number> {
  const { run, floor } = await open(subject, records, different)
  const samples = Array.from({ length: rounds }, () => [measure(run, records), measure(floor, records)] as const)
  for (const each of [run, floor]) each.release()
  const [least, leastOfFloor] = [0, 1].map((i) => summarize(samples.map((pair) => pair[i]!)).least)
  return subject.name === 'exists' ? leastOfFloor! : least! - leastOfFloor!
}

function rounded(nanoseconds: number): string {
  return nanoseconds < 1
    ? '< 1'
    : nanoseconds < 10
      ? nanoseconds.toFixed(1)
      : Math.round(nanoseconds).toLocaleString('en-US')
}

const help = `Usage: npm run bench:operators [-- --quick]

Measures what each operator costs the native kernel for one value, and prints a table. --quick: few records, few rounds.
`

async function main(args: readonly string[]): Promise<number> {
  const flags = readFlags(args, { help: 'switch', quick: 'switch' }, 'npm run bench:operators -- --help')
  if (flags.help === true) {
    process.stdout.write(help)
    return 0
  }
  const [records, rounds] = flags.quick === true ? [2_000, 3] : [20_000, 100]
  console.log(
    `${os.cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${records} records, ns each\n`,
  )
  console.log('| Operator | Compares with | New value | Value met before |')
  console.log('| --- | --- | --: | --: |')
  for (const subject of subjects) {
    const [fresh, met] = [await cost(subject, records, records, rounds), await cost(subject, records, 64, rounds)]
    console.log(`| \`${subject.name}\` | ${subject.what} | ${rounded(fresh)} | ${rounded(met)} |`)
  }
  return 0
}

await runProgram(main)
