// The command line of the suite: defaults, sizes, and clear refusals.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#src/errors.js'
import { choose, parseOptions } from '#src/options.js'
import { caseNames, parseServiceOptions } from '#src/service/options.js'

const refuses = (args: readonly string[], text: RegExp): void => {
  assert.throws(
    () => parseOptions(args),
    (error: unknown) => error instanceof UsageError && text.test(error.message),
  )
}

test('without flags, commands work on 1 GB and the models in process on 64 MB', () => {
  const options = parseOptions([])
  assert.equal(options?.run.bytes, 1e9)
  assert.equal(options?.run.inProcessBytes, 64e6)
  assert.equal(options?.run.samples, 9)
  assert.equal(options?.run.isQuick, false)
})

test('quick makes inputs and samples small, and flags beside it still win', () => {
  const options = parseOptions(['--quick', '--samples', '5'])
  assert.equal(options?.run.bytes, 200e6)
  assert.equal(options?.run.samples, 5)
})

test('sizes are bytes, decimal units or binary units', () => {
  const bytes = (text: string): number | undefined => parseOptions(['--bytes', text])?.run.bytes
  assert.equal(bytes('123456'), 123_456)
  assert.equal(bytes('1.5MB'), 1_500_000)
  assert.equal(bytes('2MiB'), 2_097_152)
  assert.equal(bytes('1gib'), 1_073_741_824)
})

test('lists of names may be given with commas and in several flags', () => {
  assert.deepEqual(parseOptions(['--only', 'native,jq', '--only', 'rg'])?.run.only, ['native', 'jq', 'rg'])
})

test('a run to go on with is the latest one, or that of a file', () => {
  const resume = (...args: string[]) => parseOptions(args)?.resume
  assert.equal(resume(), undefined)
  assert.deepEqual(resume('--resume'), { path: undefined })
  assert.deepEqual(resume('--resume', '--cache', 'c'), { path: undefined })
  assert.deepEqual(resume('--resume', 'a.jsonl', '--cache', 'c'), { path: 'a.jsonl' })
  assert.deepEqual(resume('--cache', 'c', '--resume=a.jsonl'), { path: 'a.jsonl' })
})

test('a run that goes on has the options that it had, and a flag that says otherwise shows', () => {
  const then = parseOptions([
    '--quick',
    '--case',
    'one-rule',
    '--samples',
    '4',
    '--seed',
    '9',
    '--rules-seed',
    '3',
  ])!.run
  assert.deepEqual(parseOptions(['--resume'], then)?.run, then)
  assert.deepEqual(parseOptions(['--resume', '--samples', '4'], then)?.run, then)
  assert.equal(parseOptions(['--resume', '--samples', '5'], then)?.run.samples, 5)
})

test('rules are generated from another seed only where one is named', () => {
  assert.equal(parseOptions([])?.run.rulesSeed, undefined)
  assert.equal(parseOptions(['--rules-seed', '7'])?.run.rulesSeed, 7)
})

test('help is asked for', () => {
  assert.equal(parseOptions(['--help']), undefined)
})

test('wrong flags and values are refused by name', () => {
  refuses(['--fast'], /^--fast is no option; there are --help, --quick, --case, .*, --json\. npm run bench -- --help /)
  refuses(['-x'], /^-x is no option; there are /)
  refuses(['--'], /^-- stands for nothing here/)
  refuses(['--samples', '0'], /--samples .* from 1 to 1000/)
  refuses(['--samples', '1e3'], /--samples/)
  refuses(['--bytes', 'much'], /--bytes .*"much"/)
  refuses(['--bytes', '12'], /--bytes .* from 10kB to 1000GB, .*"12"/)
  refuses(['--bytes', '2000GB'], /--bytes .* from 10kB to 1000GB, .*"2000GB"/)
  refuses(['--bytes', '1MX'], /--bytes/)
  refuses(['--rules-seed', 'x'], /--rules-seed/)
  refuses(['extra'], /^"extra" is no option; there are /)
  refuses(['--samples'], /^--samples takes a value, and nothing follows it; npm run bench -- --help explains/)
  refuses(['--samples', '--quick'], /^--samples takes a value, and what follows it is "--quick"/)
  refuses(['--samples', '-3'], /^--samples takes a value, and what follows it is "-3"/)
  refuses(['--samples=-3'], /^--samples takes a whole number from 1 to 1000, not "-3"/)
  refuses(['--case', '--only', 'native'], /^--case takes names, and what follows it is "--only"/)
  refuses(['--cache='], /^--cache takes a value, and what follows it is ""/)
  refuses(['--quick=3'], /^--quick takes no value, not "3"/)
})

test('of what has one value the second is refused, and a flag may be repeated', () => {
  refuses(['--samples', '3', '--samples', '4'], /^--samples is given twice, as "3" and as "4"; it has one value/)
  refuses(['--cache', 'a', '--cache=b'], /^--cache is given twice, as "a" and as "b"/)
  refuses(['--resume', '--quick', '--resume'], /^--resume is given twice/)
  refuses(['--resume='], /^--resume= names no journal/)
  assert.equal(parseOptions(['--quick', '--quick'])?.run.isQuick, true)
})

test('the service reads its flags in the same way', () => {
  const refusesService = (args: readonly string[], text: RegExp): void =>
    assert.throws(
      () => parseServiceOptions(args),
      (error: unknown) => error instanceof UsageError && text.test(error.message),
    )
  assert.deepEqual(parseServiceOptions([])?.only, caseNames)
  assert.deepEqual(parseServiceOptions(['--only', 'steady, memory'])?.only, ['steady', 'memory'])
  refusesService(['--fast'], /^--fast is no option; .* npm run bench:service -- --help explains/)
  refusesService(['--only', ','], /^--only "," has an empty name; there are throughput, steady, overload, memory/)
  refusesService(['--seconds', '0'], /^--seconds takes a whole number from 1 to 86400, not "0"/)
  refusesService(['--seed', '1', '--seed', '2'], /^--seed is given twice/)
})

test('programs that have next to no flags refuse those of others, and do nothing', () => {
  for (const program of ['operators', 'expect']) {
    const path = fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url))
    const { status, stdout, stderr } = spawnSync(process.execPath, [path, '--samples'], { encoding: 'utf8' })
    assert.deepEqual([status, stdout], [2, ''], stderr)
    assert.match(stderr, /^bench: --samples is no option; there are --help/)
  }
})

test('choosing takes all for no names, those that are named in their order, and refuses others with a list', () => {
  const items = ['one', 'two', 'three']
  const keys = (item: string): string[] => [item, item.startsWith('t') ? 'with-t' : 'without']
  assert.deepEqual(choose('--only', [], items, keys), items)
  assert.deepEqual(choose('--only', ['three', 'one'], items, keys), ['one', 'three'])
  assert.deepEqual(choose('--only', ['with-t'], items, keys), ['two', 'three'])
  assert.throws(() => choose('--only', ['four'], items, keys), /--only "four" is unknown; there are one, without, two/)
  assert.throws(() => choose('--only', ['one', ''], items, keys), /--only "one," has an empty name; there are one, /)
})

test('a wrong flag, case or contender ends the command with code 2, one line, and nothing measured', () => {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  for (const args of [['--fast'], ['--case', ','], ['--only', ' '], ['--case', 'no-such'], ['--only', 'no-such']]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^bench: .*(--fast|"no-such"|--case ","|--only "") .*\n$/)
  }
})
