// Settings as text: the effective ones, and the JSON Schema, which is held against the validator.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import ajvModule from 'ajv/dist/2020.js'

import { defaultSettingsText } from '#src/config/defaults.js'
import { readDocument } from '#src/config/document.js'
import { formatPath, leavesOf, outline, settingRows } from '#src/config/outline.js'
import type { OutlineNode, Path } from '#src/config/outline.js'
import { settingsJsonSchema, settingsObject, settingsYaml } from '#src/config/show.js'
import { load, pipeline, problemsOf } from './loading.js'

const Ajv = ajvModule.default
const accepts = new Ajv({ strict: true, allErrors: true }).compile(settingsJsonSchema())

test('what is shown is a settings file with the same meaning', () => {
  const odd = `pipelines:\n${pipeline('a', 'timeField: "a: #b"\n    rules: { text: "a\\n\\n  b: c\\n" }\n    deadLetter: { discard: {} }')}`
  for (const text of [
    undefined,
    odd,
    odd.replace('{ keep:', '{ "1": { discard: {} }, "true": { discard: {} }, keep:'),
  ]) {
    const loaded = load(text)
    assert.deepEqual(load(settingsYaml(loaded)).settings, loaded.settings)
  }
})

test('behind each setting stands where it was given', () => {
  const text = `pipelines:\n${pipeline('a', 'threads: 2\n    deadLetter: { discard: {} }')}`
  const loaded = load(text, { environment: { WEIR_SHUTDOWN_MS: '20000' }, sets: ['log.level=debug'] })
  const yaml = settingsYaml(loaded)
  assert.match(yaml, /^ {4}threads: 2 # etc\/weir\.yaml:5$/m)
  assert.match(yaml, /^ {6}discard: \{\} # etc\/weir\.yaml:6$/m)
  assert.match(yaml, /^ {8}format: auto # default$/m)
  assert.match(yaml, /^ {2}level: debug # --set log\.level$/m)
  assert.match(yaml, /^shutdownMs: 20s # WEIR_SHUTDOWN_MS$/m)
  assert.match(yaml, /^ {2}inFlightBytes: 256MiB # default$/m)
  const { origins, settings } = settingsObject(loaded) as { origins: Record<string, string>; settings: object }
  assert.equal(origins['pipelines.a.threads'], 'etc/weir.yaml:5')
  assert.equal(origins['pipelines.a.deadLetter.discard'], 'etc/weir.yaml:6')
  assert.equal(origins['limits.inFlightBytes'], 'default')
  assert.ok(leavesOf(settings).every(({ path }) => Object.hasOwn(origins, formatPath(path))))
})

test('text that would steer a terminal is shown as escapes, and means the same', () => {
  const loaded = load(undefined, { sets: ['pipelines.default.timeField=a\u001b[2J\u202e\nb', 'admin.token=c\td'] })
  const yaml = settingsYaml(loaded)
  assert.doesNotMatch(yaml, /[\u001b\u202e]/)
  assert.deepEqual(load(yaml).settings, loaded.settings)
})

test('a name with a line feed cannot add settings to what is shown', () => {
  const loaded = load(undefined, { file: { name: 'a\nlog: { level: error }', text: `pipelines:\n${pipeline('a')}` } })
  assert.equal(load(settingsYaml(loaded)).settings.log.level, 'info')
})

/** Every setting with a value of its kind, in settings that are good. */
function samples(): { path: Path; good: readonly unknown[]; bad: readonly unknown[] }[] {
  const values: Readonly<Record<string, { good: readonly unknown[]; bad: readonly unknown[] }>> = {
    size: { good: ['1MiB', 1 << 20, '1 mib'], bad: [true, '1M', -1, 1.5, null, [1]] },
    time: { good: ['5s', 5000, '5000ms'], bad: [false, '5m', -1, 1.5, null, ''] },
    count: { good: [7], bad: ['7', 0, 1.5, -1, null, 1e9] },
    flag: { good: [true, false], bad: ['true', 'yes', 1, null] },
    choice: { good: [], bad: ['nothing', '', 1, null] },
    file: { good: ['a', './b c'], bad: ['', 1, null, 'a\0b', ['a']] },
    folder: { good: ['elsewhere'], bad: ['', 1, null, 'a\0b'] },
    address: {
      good: ['127.0.0.1:1', '[::1]:2', 'localhost:3'],
      bad: ['9880', ':1', 9880, null, 'a b:1', 'http://a:1'],
    },
    text: { good: [], bad: ['', 1, null] },
    list: { good: [[], ['a.example.com']], bad: ['a', [1], ['a b'], null, ['']] },
    rules: { good: ['a', { text: 'a' }, { filters: [] }], bad: ['', {}, { text: 1 }, { file: 'a' }, [], { text: 'a', filters: [] }] }, // prettier-ignore
  }
  const found: { path: Path; good: readonly unknown[]; bad: readonly unknown[] }[] = []
  const walk = (node: OutlineNode, path: Path): void => {
    if (node.kind === 'group') {
      for (const [name, each] of node.entries) walk(each, [...path, name])
      if (node.others !== undefined) walk(node.others, [...path, 'x'])
      found.push({ path: [...path, 'nobodyKnows'], good: [], bad: node.others === undefined ? [1, {}] : [] })
      return
    }
    if (path.at(-1) === 'brokers')
      return void found.push({ path, good: [['a:1', '[::1]:2']], bad: ['a:1', [1], ['a'], null] })
    if (path.at(-1) === 'prefix' && path.at(-2) === 's3')
      return void found.push({ path, good: ['', '/a/b/'], bad: ['a//b', 'a/../b', '.', 'a b', 1, null] })
    if (path.at(-1) === 'endpoint') {
      const bad = ['', 'a:1', 'ftp://a', 'http://a:1/b', 'http://a?b', 'http://u:p@a', 'http://', null]
      return void found.push({ path, good: ['http://a:1', 'https://[::1]/', 'https://a.b'], bad })
    }
    found.push({ path, ...(values[node.field.kind] ?? assert.fail(node.field.kind)) })
  }
  walk(outline, [])
  return found
}

/** Good settings in which the setting at `path` has the value. */
function settingsWith(path: Path, value: unknown): Record<string, unknown> {
  const root: Record<string, unknown> = {
    pipelines: { x: { source: { file: { path: 'in' } }, routes: { keep: { discard: {} } } } },
    admin: { token: 'token' },
    kafka: { brokers: ['a:1'] },
  }
  let at = root
  for (const [i, step] of path.slice(0, -1).entries()) {
    // One entry of a choice replaces the other.
    if (path[i - 1] === 'source' || path[i - 1] === 'routes' || path[i - 1] === 'deadLetter') {
      for (const name of Object.keys(at)) if (name !== step && path[i - 1] !== 'routes') delete at[name]
    }
    if (path[i - 2] === 'routes' || path[i - 1] === 'deadLetter') for (const name of Object.keys(at)) if (name !== step) delete at[name] // prettier-ignore
    at = (at[String(step)] ??= {}) as Record<string, unknown>
  }
  if (path.at(-3) === 'source' && path.at(-2) === 'file')
    Object.assign(at, { path: 'in', follow: true, stateFile: 'state' })
  if (path.at(-2) === 'tls') Object.assign(at, { certificate: 'a', key: 'b' })
  if (path.at(-2) === 'directory') at['path'] ??= 'out'
  if (path.includes('s3')) {
    const of = path.slice(0, path.indexOf('s3') + 1).reduce<unknown>((group, step) => (group as Record<string, unknown>)[step], root) // prettier-ignore
    ;(of as Record<string, unknown>)['bucket'] ??= 'logs'
  }
  if (path.at(-2) === 'spool') at['folder'] ??= 'spool'
  if (path.at(-2) === 'kafka' && path.length > 2) Object.assign(at, { topic: 't' })
  if (path.at(-3) === 'source' && path.at(-2) === 'kafka') Object.assign(at, { group: 'g' })
  if (path.at(-2) === 'sasl') Object.assign(at, { user: 'u', passwordFile: 'p' })
  at[String(path.at(-1))] = value
  return root
}

test('the JSON Schema and the validator accept and refuse the same, setting by setting', () => {
  let [accepted, refused] = [0, 0]
  for (const { path, good, bad } of samples()) {
    for (const value of good) {
      const settings = settingsWith(path, value)
      const text = JSON.stringify(settings)
      const problems = problemsOf(text)
      // What the schema alone cannot know are contradictions; no sample has one but those of hosts and servers.
      assert.deepEqual(problems, [], `${formatPath(path)} ${text}`)
      assert.ok(accepts(settings), `${text} ${JSON.stringify(accepts.errors)}`)
      accepted++
    }
    for (const value of bad) {
      const settings = settingsWith(path, value)
      const text = JSON.stringify(settings)
      assert.ok(problemsOf(text).length > 0, `accepted: ${text}`)
      assert.ok(!accepts(settings), `accepted by the schema: ${text}`)
      refused++
    }
  }
  assert.ok(accepted > 80 && refused > 200, `${accepted} ${refused}`)
})

test('the JSON Schema asks for exactly one source, for names that are possible, and for what is required', () => {
  const base = settingsWith(['shutdownMs'], 1000)
  assert.ok(accepts(base))
  const variants = [
    { ...base, pipelines: {} },
    { ...base, pipelines: { X: { source: { stdin: {} }, routes: { keep: { discard: {} } } } } },
    { pipelines: { x: { source: {}, routes: { keep: { discard: {} } } } } },
    { pipelines: { x: { source: { stdin: {}, http: {} }, routes: { keep: { discard: {} } } } } },
    { pipelines: { x: { source: { stdin: {} }, routes: {} } } },
    { pipelines: { x: { source: { stdin: {} }, routes: { keep: { discard: {} }, malformed: { discard: {} } } } } },
    { pipelines: { x: { source: { stdin: {} }, routes: { keep: { discard: {}, stdout: {} } } } } },
    {},
  ]
  for (const variant of variants) {
    assert.ok(!accepts(variant), JSON.stringify(variant))
    assert.ok(problemsOf(JSON.stringify(variant)).length > 0, JSON.stringify(variant))
  }
})

test('the JSON Schema tells the meaning and the default of every setting', () => {
  const schema = JSON.stringify(settingsJsonSchema())
  for (const { meaning, path } of settingRows()) assert.ok(schema.includes(JSON.stringify(meaning)), path)
  assert.match(schema, /"default":16777216/)
  assert.ok(accepts(readDocument(defaultSettingsText()).value), JSON.stringify(accepts.errors))
})
