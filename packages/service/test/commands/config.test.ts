// `weir config` as its users run it: what is good and what is not, where each setting was given, and the JSON Schema.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { binary, folder, weir } from '../running.js'

const settings = `pipelines:
  logs:
    source: { http: { listen: 127.0.0.1:9990 } }
    rules: rules.yaml
    routes: { keep: { directory: { path: out } } }
`

test('good settings are shown with where each was given, or checked', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  await writeFile(path.join(cwd, 'rules.yaml'), 'version: 1\ndefault: keep\nrules: []\n')
  const shown = await weir(['config', 'show', '--config', 'weir.yaml', '--set', 'log.level=debug'], { cwd })
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout.toString(), /^ {8}listen: 127\.0\.0\.1:9990 # weir\.yaml:3$/m)
  assert.match(shown.stdout.toString(), /^ {2}level: debug # --set log\.level$/m)
  const checked = await weir(['config', 'check', '--config', 'weir.yaml', '--json'], { cwd })
  assert.deepEqual(JSON.parse(checked.stdout.toString()), { ok: true, pipelines: ['logs'], warnings: [] })
  const told = await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })
  assert.match(told.stdout.toString(), /^settings: ok\nlogs: rules ok, version [0-9a-f]{16}, 0 rules, 0 tests pass\n$/)
})

test('every problem is a line with its place, on standard error, and the exit code is 2', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'weir.yaml'), `${settings}    treads: 2\nlog: { level: loud }\n`)
  const run = await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })
  assert.equal(run.code, 2)
  assert.equal(run.stdout.length, 0)
  assert.deepEqual(run.stderr.trimEnd().split('\n'), [
    'weir.yaml:6:5: pipelines.logs.treads: There is no such setting. (did you mean `threads`?)',
    'weir.yaml:7:15: log.level: "loud" cannot be used: give `debug`, `info`, `warn` or `error`.',
  ])
  const json = await weir(['config', 'show', '--config', 'weir.yaml', '--json'], { cwd })
  assert.equal(json.code, 2)
  const { error } = JSON.parse(json.stderr) as { error: { code: string; issues: { file: string; line: number }[] } }
  assert.equal(error.code, 'ERR_CONFIG_SETTINGS')
  assert.deepEqual(error.issues.map(({ file, line }) => [file, line]), [['weir.yaml', 6], ['weir.yaml', 7]]) // prettier-ignore
})

test('a file that settings name and that is not there is found by check, and left alone by show', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const check = await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })
  assert.equal(check.code, 2)
  assert.match(
    check.stderr,
    /^weir\.yaml:4:12: pipelines\.logs\.rules: The file cannot be read: no such file or directory \(ENOENT\)\.$/m,
  )
  assert.equal((await weir(['config', 'show', '--config', 'weir.yaml'], { cwd })).code, 0)
})

test('check judges the rules and the outputs of their routes as serve --check does', async (t) => {
  const cwd = await folder(t)
  const bad = settings.replace('rules: rules.yaml', "rules: { text: 'garb: [' }")
  const rules = 'version: 1\ndefault: keep\nrules: [{ id: a, when: { field: s, equals: a }, then: { route: slow } }]\n'
  await writeFile(path.join(cwd, 'rules.yaml'), rules)
  for (const [text, problem] of [
    [bad, /^pipelines\.logs\.rules:1:\d+: /],
    [
      settings,
      /^weir\.yaml:5:5: pipelines\.logs\.routes\.slow: The rules send records to this route, and it has no output/,
    ],
  ] as const) {
    await writeFile(path.join(cwd, 'weir.yaml'), text)
    const check = await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })
    assert.deepEqual([check.code, check.stdout.length], [2, 0])
    assert.match(check.stderr, problem)
    const served = await weir(['serve', '--config', 'weir.yaml', '--check'], { cwd })
    assert.deepEqual([served.code, served.stderr], [2, check.stderr])
  }
})

test('check reads files of keys, names place and cure, quotes nothing, and asks no store', async (t) => {
  const cwd = await folder(t)
  const secret = 'wJalr-XUtn'
  const output = (prefix: string, keys: string) =>
    `s3: { bucket: logs, prefix: ${prefix}, endpoint: 'https://127.0.0.1:9', credentials: ${keys} }`
  const archives = `kafka: { brokers: ['127.0.0.1:9'] }
pipelines:
  archive: { source: { kafka: { topic: a, group: a } }, routes: { keep: { ${output('a', 'good')} } } }
  other: { source: { kafka: { topic: b, group: b } }, routes: { keep: { ${output('b', 'bad')} } } }
  direct: { source: { http: { listen: '127.0.0.1:0' } }, validation: full, routes: { keep: { discard: {} } }, deadLetter: { ${output('c', 'json')} } }
`
  const profile = `[default]\naws_access_key_id = AKIA\naws_secret_access_key = ${secret}\n`
  await writeFile(path.join(cwd, 'weir.yaml'), archives)
  await writeFile(path.join(cwd, 'good'), profile)
  await writeFile(path.join(cwd, 'bad'), profile.replace('XUtn', 'XUtn is the key'))
  await writeFile(path.join(cwd, 'json'), `{ "outbound": { "storage": { "secretKey": "${secret}" } } }`)
  const check = await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })
  assert.deepEqual([check.code, check.stdout.length], [2, 0])
  const lines = check.stderr.trimEnd().split('\n')
  assert.equal(lines.length, 2, check.stderr)
  assert.match(lines[0]!, /\/bad:3:1: pipelines\.other\.routes\.keep\.s3\.credentials: The file holds no keys that can be used: aws_secret_access_key of \[default\] has to be .* \(copy it once more /) // prettier-ignore
  assert.match(lines[1]!, /\/json: pipelines\.direct\.deadLetter\.s3\.credentials: .* it has no outbound\.storage\.accessKey\. \(write `"accessKey": "…"`/) // prettier-ignore
  assert.doesNotMatch(check.stderr, /wJalr|AKIA/)
  const served = await weir(['serve', '--config', 'weir.yaml', '--check'], { cwd })
  assert.deepEqual([served.code, served.stderr], [2, check.stderr])
  assert.doesNotMatch(served.stdout.toString(), /settings: ok/)
  const some = await weir(['serve', '--config', 'weir.yaml', '--check', '--only', 'archive'], { cwd })
  assert.deepEqual([some.code, some.stdout.toString()], [0, 'settings: ok\n'])
  await writeFile(path.join(cwd, 'bad'), profile)
  await writeFile(path.join(cwd, 'json'), `{ "accessKey": "AKIA", "secretKey": "${secret}" }`)
  assert.equal((await weir(['config', 'check', '--config', 'weir.yaml'], { cwd })).code, 0)
})

test('problems of the rules of several pipelines are one object, each with its place', async (t) => {
  const cwd = await folder(t)
  const pipeline = (name: string) =>
    `  ${name}:\n    source: { http: { listen: 127.0.0.1:0 } }\n    rules: ${name}.yaml\n    routes: { keep: { discard: {} } }\n`
  await writeFile(path.join(cwd, 'weir.yaml'), `pipelines:\n${pipeline('a')}${pipeline('b')}`)
  await writeFile(path.join(cwd, 'a.yaml'), 'version: 1\ndefault: kep\nrules: []\n')
  await writeFile(path.join(cwd, 'b.yaml'), 'version: 2\ndefault: keep\nrules: []\n')
  const check = await weir(['config', 'check', '--config', 'weir.yaml', '--json'], { cwd })
  assert.deepEqual([check.code, check.stdout.length], [2, 0])
  const { error } = JSON.parse(check.stderr) as { error: { code: string; issues: { file: string; path: string }[] } }
  assert.equal(error.code, 'ERR_CONFIG_SETTINGS')
  assert.deepEqual(
    error.issues.map((issue) => [path.basename(issue.file), issue.path]),
    [
      ['a.yaml', 'default'],
      ['b.yaml', 'version'],
    ],
  )
})

test('a file that is to be read once has to be there; one that is followed may come', async (t) => {
  const cwd = await folder(t)
  const source = (file: string) =>
    `pipelines: { logs: { source: { file: { ${file} } }, routes: { keep: { discard: {} } } } }\n`
  await writeFile(path.join(cwd, 'once.yaml'), source('path: none, follow: false'))
  await writeFile(path.join(cwd, 'later.yaml'), source('path: none, follow: true, stateFile: state'))
  for (const args of [['config', 'check'], ['serve', '--check'], ['serve']]) {
    const once = await weir([...args, '--config', 'once.yaml'], { cwd })
    assert.equal(once.code, 2)
    assert.match(
      once.stderr,
      /^once\.yaml:1:\d+: pipelines\.logs\.source\.file\.path: The file cannot be read: no such file/,
    )
  }
  assert.equal((await weir(['config', 'check', '--config', 'later.yaml'], { cwd })).code, 0)
})

test('folders that are one through a link are found', async (t) => {
  const cwd = await folder(t)
  await mkdir(path.join(cwd, 'out'))
  await symlink('out', path.join(cwd, 'link'))
  await writeFile(path.join(cwd, 'weir.yaml'), `${settings}    deadLetter: { directory: { path: link/dead } }\n`)
  const run = await weir(['config', 'show', '--config', 'weir.yaml'], { cwd })
  assert.equal(run.code, 2)
  assert.match(run.stderr, /deadLetter\.directory\.path: pipelines\.logs\.routes\.keep\.directory\.path lies within it/)
})

test('the environment names the file and sets over it', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const run = (env: Record<string, string>) =>
    spawnSync(process.execPath, [binary, 'config', 'show'], { cwd, env: { ...process.env, ...env }, encoding: 'utf8' })
  const good = run({ WEIR_CONFIG: 'weir.yaml', WEIR_SHUTDOWN_MS: '9s' })
  assert.match(good.stdout, /^shutdownMs: 9s # WEIR_SHUTDOWN_MS$/m)
  assert.match(good.stdout, /listen: 127\.0\.0\.1:9990 # weir\.yaml:3/)
  const wrong = run({ WEIR_SHUTDWN_MS: '9s' })
  assert.equal(wrong.status, 2)
  assert.match(
    wrong.stderr,
    /^WEIR_SHUTDWN_MS: There is no setting of this name\. \(did you mean WEIR_SHUTDOWN_MS\?\)$/m,
  )
})

test('a settings file that is no UTF-8 is refused, and a mark at its start is skipped', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'latin.yaml'), Buffer.from(settings.replace('path: out', 'path: caf\u00e9'), 'latin1'))
  const latin = await weir(['config', 'show', '--config', 'latin.yaml'], { cwd })
  assert.equal(latin.code, 2)
  assert.match(latin.stderr, /^weir: Cannot read latin\.yaml: it is not UTF-8\.$/m)
  await writeFile(path.join(cwd, 'marked.yaml'), `\ufeff${settings}`)
  assert.equal((await weir(['config', 'show', '--config', 'marked.yaml'], { cwd })).code, 0)
})

test('a settings file that is not there has its code', async (t) => {
  const cwd = await folder(t)
  const run = await weir(['config', 'show', '--json', '--config', 'none.yaml'], { cwd })
  assert.equal(run.code, 2)
  const { error } = JSON.parse(run.stderr) as { error: { code: string; message: string } }
  assert.equal(error.code, 'ERR_CONFIG_UNREADABLE')
  assert.match(error.message, /^Cannot read none\.yaml: no such file or directory \(ENOENT\)\.$/)
})

test('filters of the original are taken, and what has no effect is told', async (t) => {
  const cwd = await folder(t)
  const original = { kafka: { inboundTopic: 'raw' }, workers: 3, filters: [{ fieldName: 'a', regex: 'b' }] }
  await writeFile(path.join(cwd, 'settings.json'), JSON.stringify(original))
  const run = await weir(['config', 'show', '--original', 'settings.json'], { cwd })
  assert.equal(run.code, 0)
  assert.match(run.stdout.toString(), /^ {4}threads: 3 # settings\.json$/m)
  assert.match(run.stdout.toString(), /^ {8}group: converter # settings\.json$/m)
  assert.equal(run.stderr, '')
  const settings = 'pipelines: { a: { source: { stdin: {} }, routes: { keep: { stdout: {} } } } }'
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const beside = await weir(['config', 'show', '--config', 'weir.yaml', '--original', 'settings.json'], { cwd })
  assert.match(beside.stderr, /^warning: settings\.json:1:2: kafka: The settings file says where records come from/m)
})

test('the schema is JSON and describes settings', async () => {
  const run = await weir(['config', 'schema'])
  assert.equal(run.code, 0)
  const schema = JSON.parse(run.stdout.toString()) as { required: string[]; properties: object }
  assert.deepEqual(schema.required, ['pipelines'])
  assert.ok(Object.hasOwn(schema.properties, 'admin'))
})
