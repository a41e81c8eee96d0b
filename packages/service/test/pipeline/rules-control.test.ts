// Rules at run time: with real files and a real engine. What is good comes in force, what is not leaves the last good
// rules, and every attempt is told. Every look at the files is asked for by the test.

import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'
import type { Engine } from '@weir/engine'

import { checkRoutes } from '#src/config/routes.js'
import { createMetrics } from '#src/metrics.js'
import { openRulesControl } from '#src/pipeline/rules-control.js'
import type { RulesControl, RulesControlOptions } from '#src/pipeline/rules-control.js'
import { openLog } from '#src/structured-log.js'
import { load, pipeline } from '../config/loading.js'
import { folder } from '../running.js'

/** A pipeline whose only output is that of `keep`. */
const settings = load(`pipelines:\n${pipeline('web')}`)

/** Keeps records whose `s` is this. */
const rulesFor = (value: string, more = '') =>
  `version: 1\ndefault: drop\nrules:\n  - { id: only-${value}, when: { field: s, equals: ${value} }, then: keep }\n${more}`
const listRules =
  'version: 1\ndefault: drop\nrules: [{ id: list, when: { field: s, in: { file: list.txt } }, then: keep }]\n'

interface Fixture {
  readonly directory: string
  readonly file: string
  readonly control: RulesControl
  readonly engine: Engine
  readonly logged: () => Record<string, unknown>[]
  readonly metric: (line: string) => Promise<string | undefined>
  readonly audit: () => Promise<Record<string, unknown>[]>
  /** Of the records `{"s":"a"}`, `{"s":"b"}`, `{"s":"c"}`, those that are kept. */
  readonly kept: () => Promise<string>
  /** Looks at the files until a change has come to rest. */
  readonly look: () => Promise<void>
}

async function fixture(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  more: Partial<RulesControlOptions> = {},
): Promise<Fixture> {
  const directory = await folder(t)
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text)
  const file = path.join(directory, 'rules.yaml')
  let log = ''
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const control = await openRulesControl({
    pipeline: 'web',
    rules: { file },
    checkRoutes: (routes) => checkRoutes(settings, { web: routes }),
    metrics: metrics.pipeline('web'),
    log: openLog({ level: 'debug', format: 'json', write: (text) => void (log += text) }),
    startTimer: () => () => undefined,
    now: () => 0,
    ...more,
  })
  t.after(() => control.close())
  const engine = await createEngine({ rules: control.source, threads: 1, kernel: 'portable' })
  t.after(() => engine.close())
  control.attach(engine)
  const lines = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return {
    ...{ directory, file, control, engine },
    logged: () => lines(log),
    metric: async (start) =>
      (await metrics.render())
        .split('\n')
        .find((line) => line.startsWith(`${start} `))
        ?.slice(start.length + 1),
    audit: async () => lines(await readFile(`${file}.audit.ndjson`, 'utf8').catch(() => '')),
    kept: async () =>
      Buffer.from((await engine.evaluate(Buffer.from('{"s":"a"}\n{"s":"b"}\n{"s":"c"}\n'))).gather('keep')).toString(),
    look: async () => {
      await control.poll()
      await control.poll()
    },
  }
}

const loads = (origin: string, outcome: string) =>
  `weir_rule_loads_total{pipeline="web",origin="${origin}",outcome="${outcome}"}`
const stale = 'weir_rule_set_stale{pipeline="web"}'

test('a changed rule file is put in force, and told in the metrics, the log and the audit', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  const before = f.engine.version
  assert.equal(await f.kept(), '{"s":"a"}\n')
  assert.equal(await f.metric(loads('start', 'loaded')), '1')
  await writeFile(f.file, rulesFor('b'))
  await f.look()
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(await f.metric(loads('file', 'loaded')), '1')
  assert.equal(await f.metric(`weir_rule_set_info{pipeline="web",version="${f.engine.version}"}`), '1')
  const { version } = f.engine
  assert.deepEqual(await f.audit(), [
    {
      time: '1970-01-01T00:00:00.000Z',
      pipeline: 'web',
      who: 'the rule file',
      origin: 'file',
      before,
      version,
      outcome: 'loaded',
    },
  ])
  const last = f.logged().at(-1)
  assert.deepEqual([last?.['msg'], last?.['version'], last?.['before']], ['Rules are in force.', version, before])
  assert.equal(f.control.status().origin, 'file')
})

test('bad rules leave the good ones in force, with every issue in the log and in the status, until they are mended', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await writeFile(f.file, rulesFor('b').replace('drop', 'drp').replace('equals', 'equal'))
  await f.look()
  assert.equal(await f.kept(), '{"s":"a"}\n')
  const { refusal } = f.control.status()
  assert.equal(refusal?.code, 'ERR_RULESET_INVALID')
  assert.equal(refusal.issues.length, 2)
  const error = f.logged().at(-1)?.['error'] as { issues: unknown[] }
  assert.equal(error.issues.length, 2)
  assert.equal(await f.metric(loads('file', 'refused')), '1')
  assert.equal(await f.metric(stale), '1')
  await writeFile(f.file, rulesFor('b'))
  await f.look()
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(f.control.status().refusal, undefined)
  assert.equal(await f.metric(stale), '0')
})

test('rules whose own tests fail, and rules with a route that has no sink, are not put in force', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await writeFile(f.file, rulesFor('b', 'tests: [{ name: not b, record: { s: a }, expect: keep }]\n'))
  await f.look()
  assert.match(
    f.control.status().refusal?.message ?? '',
    /1 of the 1 tests .* "not b", expects keep, .* goes to drop by default/,
  )
  assert.equal(f.control.status().refusal?.code, 'ERR_CONFIG_RULES_TESTS')
  await writeFile(f.file, rulesFor('b').replace('then: keep', 'then: { route: slow }'))
  await f.look()
  assert.equal(f.control.status().refusal?.code, 'ERR_CONFIG_ROUTE_WITHOUT_OUTPUT')
  assert.match(f.control.status().refusal?.message ?? '', /routes\.slow/)
  assert.equal(await f.kept(), '{"s":"a"}\n')
})

test('a changed list file is put in force, also with a rule file that is another one’s swapped folder', async (t) => {
  const directory = await folder(t)
  const at = (...parts: string[]) => path.join(directory, ...parts)
  for (const [version, entry] of [
    ['one', 'a'],
    ['two', 'b'],
  ] as const) {
    await mkdir(at(version))
    await writeFile(at(version, 'rules.yaml'), listRules)
    await writeFile(at(version, 'list.txt'), `${entry}\n`)
  }
  await symlink('one', at('current'))
  const f = await fixture(t, {}, { rules: { file: at('current', 'rules.yaml') } })
  assert.equal(await f.kept(), '{"s":"a"}\n')
  await symlink('two', at('next'))
  await rename(at('next'), at('current'))
  await f.look()
  assert.equal(await f.kept(), '{"s":"b"}\n')
  await writeFile(at('two', 'list.txt'), 'c\n')
  await f.look()
  assert.equal(await f.kept(), '{"s":"c"}\n')
})

test('rules that lack a list file come in force when the list comes', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await writeFile(f.file, listRules)
  await f.look()
  assert.equal(f.control.status().refusal?.code, 'ERR_RULESET_UNREADABLE')
  await writeFile(path.join(f.directory, 'list.txt'), 'c\n')
  await f.look()
  assert.equal(f.control.status().refusal, undefined)
  assert.equal(await f.kept(), '{"s":"c"}\n')
})

test('a rule file that goes away leaves its rules in force', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await rm(f.file)
  await f.look()
  assert.equal(f.control.status().refusal?.code, 'ERR_RULESET_UNREADABLE')
  assert.equal(await f.kept(), '{"s":"a"}\n')
})

test('posted rules come in force, become the rule file, and are not loaded once more for that', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await chmod(f.file, 0o604)
  const before = f.engine.version
  const change = await f.control.replace(rulesFor('b'), 'somebody')
  assert.deepEqual([change.outcome, change.before, change.version], ['loaded', before, f.engine.version])
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(await readFile(f.file, 'utf8'), rulesFor('b'))
  await f.look()
  assert.equal(f.engine.stats().loads, 2)
  assert.equal(await f.metric(loads('file', 'unchanged')), undefined)
  assert.deepEqual((await readdir(f.directory)).toSorted(), ['rules.yaml', 'rules.yaml.audit.ndjson'])
  const [entry] = await f.audit()
  assert.deepEqual([entry?.['who'], entry?.['before'], entry?.['version']], ['somebody', before, f.engine.version])
})

test('posted rules with another text and the same meaning are written, and nothing is loaded', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  const change = await f.control.replace(`# Explained.\n${rulesFor('a')}`, 'somebody')
  assert.equal(change.outcome, 'unchanged')
  assert.equal(f.engine.stats().loads, 1)
  assert.match(await readFile(f.file, 'utf8'), /^# Explained\./)
  assert.match(f.control.text() ?? '', /^# Explained\./)
})

test('posted rules that are refused change neither what is in force nor the file, and are audited', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a'), 'list.txt': 'b\n' })
  const refused = [
    ['ERR_RULESET_INVALID', 'version: 2\n'],
    ['ERR_RULESET_INVALID', listRules],
    ['ERR_RULESET_INVALID', listRules.replace('list.txt', '/etc/passwd')],
    ['ERR_CONFIG_RULES_TESTS', rulesFor('b', 'tests: [{ name: no, record: { s: b }, expect: drop }]\n')],
    ['ERR_CONFIG_ROUTE_WITHOUT_OUTPUT', rulesFor('b').replace('then: keep', 'then: { route: slow }')],
  ] as const
  for (const [code, text] of refused) {
    await assert.rejects(f.control.replace(text, 'somebody'), { code })
    assert.equal(await readFile(f.file, 'utf8'), rulesFor('a'))
    assert.equal(await f.kept(), '{"s":"a"}\n')
  }
  assert.equal((await f.audit()).length, refused.length)
  assert.equal(await f.metric(loads('api', 'refused')), String(refused.length))
  assert.equal(await f.metric(stale), '0')
  assert.equal(f.control.status().refusal, undefined)
})

test('rules that the engine does not take are not written', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  const fault = Object.assign(new Error('Out of memory.'), { code: 'ERR_ENGINE_KERNEL_FAULT' })
  f.control.attach({ version: f.engine.version, ruleIds: f.engine.ruleIds, load: () => Promise.reject(fault) })
  await assert.rejects(f.control.replace(rulesFor('b'), 'somebody'), { code: 'ERR_ENGINE_KERNEL_FAULT' })
  assert.equal(await readFile(f.file, 'utf8'), rulesFor('a'))
  assert.deepEqual((await readdir(f.directory)).toSorted(), ['rules.yaml', 'rules.yaml.audit.ndjson'])
  assert.equal(await f.metric(loads('api', 'failed')), '1')
})

test('rules that are in force and cannot be renamed into their place are taken out of force again', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  f.control.attach({
    get version() {
      return f.engine.version
    },
    get ruleIds() {
      return f.engine.ruleIds
    },
    load: async (rules) => {
      // Something takes the file's place at the worst moment.
      await rm(f.file, { force: true, recursive: true })
      await mkdir(path.join(f.file, 'x'), { recursive: true })
      return f.engine.load(rules)
    },
  })
  await assert.rejects(f.control.replace(rulesFor('b'), 'somebody'), { code: 'ERR_CONNECTOR_WRITE' })
  assert.equal(await f.kept(), '{"s":"a"}\n')
  assert.equal(f.engine.stats().loads, 3)
  assert.deepEqual(new Set(await readdir(f.directory)), new Set(['rules.yaml', 'rules.yaml.audit.ndjson']))
  assert.equal(await f.metric(loads('api', 'failed')), '1')
})

test('an audit file that cannot be written is told in the log, and the rules are in force', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await mkdir(`${f.file}.audit.ndjson`)
  await f.control.replace(rulesFor('b'), 'somebody')
  assert.equal(await f.kept(), '{"s":"b"}\n')
  const told = f.logged().at(-1)
  assert.equal(told?.['msg'], 'The audit file cannot be written.')
  assert.equal((told['error'] as { code: string }).code, 'ERR_CONNECTOR_WRITE')
})

test('posted rules have the form of the rule file', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'rules.json')
  const json = (value: string) =>
    JSON.stringify({
      version: 1,
      default: 'drop',
      rules: [{ id: value, when: { field: 's', equals: value }, then: 'keep' }],
    })
  await writeFile(file, json('a'))
  const f = await fixture(t, {}, { rules: { file } })
  await assert.rejects(f.control.replace(rulesFor('b'), 'somebody'), { code: 'ERR_RULESET_INVALID' })
  await f.control.replace(json('c'), 'somebody')
  assert.equal(await f.kept(), '{"s":"c"}\n')
})

test('a load that fails for another reason than the rules is tried at every look, and told once', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  let failures = 3
  f.control.attach({
    get version() {
      return f.engine.version
    },
    get ruleIds() {
      return f.engine.ruleIds
    },
    load: (rules) => (failures-- > 0 ? Promise.reject(new Error('Not now.')) : f.engine.load(rules)),
  })
  await writeFile(f.file, rulesFor('b'))
  for (let look = 0; look < 5; look++) await f.control.poll()
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(await f.metric(loads('file', 'failed')), '3')
  assert.equal(f.logged().filter(({ msg }) => msg === 'Rules are refused.').length, 1)
})

test('rules in the settings, and a file that is no regular one, cannot be replaced', async (t) => {
  const inline = await fixture(t, {}, { rules: { inline: { version: 1, default: 'keep', rules: [] } } })
  await assert.rejects(inline.control.replace(rulesFor('a'), 'somebody'), {
    code: 'ERR_CONFIG_RULES_READ_ONLY',
    message: /stand in the settings/,
  })
  assert.ok(!JSON.stringify(inline.logged()).includes('"who"'))
  const none = await fixture(
    t,
    {},
    { rules: { inline: { version: 1, default: 'keep', rules: [] } }, readOnly: 'no file' },
  )
  assert.equal(none.control.status().readOnly, 'no file')
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  await rm(f.file)
  await mkdir(f.file)
  await assert.rejects(f.control.replace(rulesFor('b'), 'somebody'), {
    code: 'ERR_CONFIG_RULES_READ_ONLY',
    message: /no regular file/,
  })
})

test('a request to reload reads the file at once, and says what is wrong with it', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  assert.equal((await f.control.reload('somebody')).outcome, 'unchanged')
  await writeFile(f.file, rulesFor('b'))
  assert.equal((await f.control.reload('somebody')).outcome, 'loaded')
  await writeFile(f.file, 'rules')
  await assert.rejects(f.control.reload('somebody'), { code: 'ERR_RULESET_INVALID' })
  assert.equal(await f.kept(), '{"s":"b"}\n')
})

test('many changes at once are made one after another, and the last one stays', async (t) => {
  const f = await fixture(t, { 'rules.yaml': rulesFor('a') })
  const texts = ['b', 'c', 'a', 'c', 'b'].map((value) => rulesFor(value))
  await Promise.all([...texts.map((text) => f.control.replace(text, 'somebody')), f.look()])
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(await readFile(f.file, 'utf8'), rulesFor('b'))
  assert.equal(f.control.status().version, f.engine.version)
})

test('bad rules at the start fail it; with a fallback, that is in force until the file is mended', async (t) => {
  await assert.rejects(fixture(t, { 'rules.yaml': 'version: 1\n' }), { code: 'ERR_RULESET_INVALID' })
  await assert.rejects(fixture(t, {}), { code: 'ERR_RULESET_UNREADABLE' })
  const f = await fixture(t, { 'rules.yaml': 'version: 1\n' }, { fallback: { version: 1, default: 'keep', rules: [] } })
  assert.equal(f.control.status().origin, 'fallback')
  assert.equal(await f.metric(stale), '1')
  assert.equal((await f.kept()).split('\n').length, 4)
  await writeFile(f.file, rulesFor('b'))
  await f.look()
  assert.equal(await f.kept(), '{"s":"b"}\n')
  assert.equal(f.control.status().origin, 'file')
})

test('an engine that has other rules than were examined is given those', async (t) => {
  const f = await fixture(t, { 'rules.yaml': listRules, 'list.txt': 'a\n' })
  const stranger = await createEngine({
    rules: { version: 1, default: 'keep', rules: [] },
    threads: 1,
    kernel: 'portable',
  })
  t.after(() => stranger.close())
  f.control.attach(stranger)
  await f.control.reload('somebody')
  assert.equal(stranger.version, f.engine.version)
})

test('filters of the original are watched and replaced like any rules', async (t) => {
  const filters = (regex: string) => JSON.stringify({ filters: [{ fieldName: 's', regex, include: true }] })
  const f = await fixture(t, { 'rules.yaml': filters('a') })
  assert.equal(await f.kept(), '{"s":"a"}\n')
  await f.control.replace(filters('b|c'), 'somebody')
  assert.equal(await f.kept(), '{"s":"b"}\n{"s":"c"}\n')
})
