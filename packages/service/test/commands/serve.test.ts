// `weir serve` from its start to its end: what is checked before anything runs, what keeps it from running, and how it
// ends. Where records go is in serve-delivery.test.ts.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import net, { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'

import { folder, weir } from '../running.js'
import { contentOf } from '../sinks/folders.js'
import { anyPort, pipelineText, post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const discard = '{ keep: { discard: {} } }'
const kept = (name: string) => `{ keep: { directory: { path: ${name} } } }`
const goodRules = 'version: 1\ndefault: drop\nrules: [{ id: a, when: { field: s, equals: a }, then: keep }]\n'
const badRules = goodRules.replace('equals', 'equal')

test('--check tells what the rules of every pipeline are, and runs nothing', async (t) => {
  const rules = 'rules: rules.yaml'
  const spare = '{ keep: { discard: {} }, spare: { discard: {} } }'
  const settings = settingsText([pipelineText('one', anyPort, spare, rules), pipelineText('two', anyPort, discard)])
  const tests = 'tests: [{ name: a, record: { s: a }, expect: keep }]\n'
  const started = await serve(t, settings, { files: { 'rules.yaml': goodRules + tests }, args: ['--check'] })
  const { code, stdout, stderr } = await started.finished
  const [first, one, warning, two, ...others] = stdout.toString().split('\n')
  assert.deepEqual([code, stderr, first, others], [0, '', 'settings: ok', ['']])
  assert.match(String(one), /^one: rules ok, version [0-9a-f]{16}, 1 rules, 1 tests pass$/)
  assert.equal(warning, '  warning: weir.yaml:4:38: pipelines.one.routes.spare: No rule sends records to this route.')
  assert.match(String(two), /^two: rules ok, version [0-9a-f]{16}, 0 rules, 0 tests pass$/)
})

test('--check tells the problems of every rule file, with their places, and exits with 2', async (t) => {
  const pipelines = ['one', 'two', 'three'].map((name) => pipelineText(name, anyPort, discard, `rules: ${name}.yaml`))
  const files = {
    'one.yaml': badRules,
    'two.yaml': goodRules.replace('then: keep', 'then: { route: slow }'),
    'three.yaml': goodRules,
  }
  const { finished, directory } = await serve(t, settingsText(pipelines), { files, args: ['--check'] })
  const { code, stdout, stderr } = await finished
  assert.equal(code, 2)
  const lines = stderr.trimEnd().split('\n')
  assert.equal(lines.length, 2)
  assert.ok(lines[0]?.startsWith(`${path.join(directory, 'one.yaml')}:3:36: rules[0].when.equal: `), lines[0])
  assert.match(String(lines[1]), /^weir\.yaml:9:5: pipelines\.two\.routes\.slow: The rules send records to this route,/)
  assert.match(stdout.toString(), /^settings: ok\nthree: rules ok, /)
})

test('wrong settings are told with all their problems, and exit with 2', async (t) => {
  const pipelines = [
    "  a:\n    source: { http: { listn: ':1' } }\n    routes: {}\n",
    pipelineText('b', 'stdin: {}', '{ keep: {} }'),
  ]
  for (const args of [[], ['--check']]) {
    const { code, stdout, stderr } = await (await serve(t, settingsText(pipelines), { args })).finished
    assert.deepEqual([code, stdout.toString()], [2, ''])
    const paths = stderr.split('\n').map((line) => /^weir\.yaml:\d+:\d+: ([\w.]+): /.exec(line)?.[1])
    assert.deepEqual(paths, [
      'pipelines.a.source.http.listn',
      'pipelines.a.routes.keep',
      'pipelines.b.routes.keep',
      undefined,
    ])
  }
})

test('--only runs the pipelines that it names, and says which there are', async (t) => {
  const pipelines = ['one', 'two', 'three'].map((name) => pipelineText(name, anyPort, discard))
  const started = await serve(t, settingsText(pipelines), { args: ['--only', 'one', 'three'] })
  await Promise.all([started.source('one'), started.source('three')])
  const status = (await (await started.ask('/api/status')).json()) as { pipelines: { name: string }[] }
  assert.deepEqual(
    status.pipelines.map(({ name }) => name),
    ['one', 'three'],
  )
  assert.equal((await started.stop()).code, 0)
  const wrong = await serve(t, settingsText(pipelines), { args: ['--only', 'one', 'tow', 'for'] })
  const { code, stderr } = await wrong.finished
  assert.equal(code, 2)
  assert.equal(stderr, 'weir: --only: there is no pipeline tow, for; there are one, two, three.\n')
})

test('a port that is taken ends it with 1 and says which, of a source and of the admin port', async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.after(() => other.close())
  const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`
  const settings = [
    settingsText([pipelineText('one', `http: { listen: '${taken}' }`, discard)]),
    settingsText([pipelineText('one', anyPort, discard)], `admin: { listen: '${taken}' }\n`),
  ]
  for (const each of settings) {
    const { code, stderr } = await (await serve(t, each)).finished
    assert.equal(code, 1)
    assert.ok(stderr.endsWith(`\nweir: Cannot listen on ${taken}: address already in use (EADDRINUSE).\n`), stderr)
  }
})

test('a folder that another process writes to ends it with 1 and names the folder', async (t) => {
  const settings = settingsText([pipelineText('one', anyPort, kept('out'))])
  const first = await serve(t, settings)
  const address = await first.source()
  const { code, stderr } = await (await serve(t, settings, { directory: first.directory })).finished
  assert.equal(code, 1)
  const owned = path.join(first.directory, 'out')
  const message = `weir: Cannot write to ${owned}: it belongs to process ${first.child.pid}.`
  assert.ok(stderr.endsWith(`\n${message}\n`), stderr)
  assert.equal((await post(address, '{"s":"a"}\n')).status, 200, 'the first is not disturbed')
  assert.equal((await first.stop()).code, 0)
  assert.equal((await contentOf(path.join(first.directory, 'out'))).toString(), '{"s":"a"}\n')
})

test('a state file that another process keeps its position in ends it with 1 and names the file', async (t) => {
  const followed = 'file: { path: log, follow: true, stateFile: state/position }'
  const settings = (out: string) => settingsText([pipelineText('one', followed, kept(out))])
  const first = await serve(t, settings('out'), { files: { log: '{"s":"a"}\n' } })
  await first.source()
  const { code, stderr } = await (await serve(t, settings('other'), { directory: first.directory })).finished
  assert.equal(code, 1)
  const owned = path.join(first.directory, 'state/position')
  const message = `weir: Cannot write to ${owned}: it belongs to process ${first.child.pid}.`
  assert.ok(stderr.endsWith(`\n${message}\n`), stderr)
  assert.equal((await first.stop()).code, 0)
})

test('an output where no folder can be made ends it with 1, and says where and why', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'file'), '')
  const { code, stderr } = await (
    await serve(t, settingsText([pipelineText('one', anyPort, kept('file/out'))]), {
      directory,
    })
  ).finished
  const at = path.join(directory, 'file')
  const message = `weir: Cannot create ${at}/out: not a directory at ${at}; give another path, or move what is there away (ENOTDIR).`
  assert.ok(stderr.endsWith(`\n${message}\n`), stderr)
  assert.equal(code, 1)
})

test('a folder whose journal is damaged ends it with 1 and says why', async (t) => {
  const settings = (name: string) => settingsText([pipelineText('one', anyPort, kept(name))])
  const damaged = await serve(t, settings('.'), { files: { '.weir-journal': 'hello\n' } })
  const ended = await damaged.finished
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /\nweir: Cannot go on in .*: line 1 is damaged: /)
})

test('bad rules at the start end it with 2; with rulesOnError: keep every record is kept until they are good', async (t) => {
  const files = { 'rules.yaml': badRules }
  const stopped = await serve(t, settingsText([pipelineText('one', anyPort, discard, 'rules: rules.yaml')]), { files })
  const { code, stderr } = await stopped.finished
  assert.equal(code, 2)
  assert.ok(stderr.includes(`\n${path.join(stopped.directory, 'rules.yaml')}:3:36: rules[0].when.equal: `), stderr)

  const more = 'rules: rules.yaml\n    rulesOnError: keep'
  const keeping = await serve(t, settingsText([pipelineText('one', anyPort, kept('out'), more)]), { files })
  const address = await keeping.source()
  assert.equal((await post(address, '{"s":"b"}\n')).status, 200)
  const stale = 'weir_rule_set_stale{pipeline="one"}'
  assert.equal(await keeping.metric(stale), '1')
  await writeFile(path.join(keeping.directory, 'rules.yaml'), goodRules)
  await keeping.logged('Rules are in force.', ({ origin }) => origin === 'file')
  assert.equal(await keeping.metric(stale), '0')
  assert.equal((await post(address, '{"s":"c"}\n{"s":"a"}\n')).status, 200)
  assert.equal((await keeping.stop()).code, 0)
  assert.equal((await contentOf(path.join(keeping.directory, 'out'))).toString(), '{"s":"b"}\n{"s":"a"}\n')
})

test('with rulesOnError: keep it starts before its rule file is there', async (t) => {
  const more = 'rules: rules.yaml\n    rulesOnError: keep'
  const keeping = await serve(t, settingsText([pipelineText('one', anyPort, kept('out'), more)]))
  const address = await keeping.source()
  assert.equal((await post(address, '{"s":"b"}\n')).status, 200)
  await writeFile(path.join(keeping.directory, 'rules.yaml'), goodRules)
  await keeping.logged('Rules are in force.', ({ origin }) => origin === 'file')
  assert.equal((await post(address, '{"s":"c"}\n{"s":"a"}\n')).status, 200)
  assert.equal((await keeping.stop()).code, 0)
  assert.equal((await contentOf(path.join(keeping.directory, 'out'))).toString(), '{"s":"b"}\n{"s":"a"}\n')
})

test('a pipeline from standard input ends by itself, and with it the service', async (t) => {
  const directory = await folder(t)
  const settings = settingsText(
    [pipelineText('one', 'stdin: {}', '{ keep: { stdout: {} } }')],
    'admin: { listen: none }\n',
  )
  await writeFile(path.join(directory, 'weir.yaml'), settings)
  const records = '{"s":"a"}\n{"s":"b"}\n'
  const { code, stdout } = await weir(['serve', '--config', 'weir.yaml'], { stdin: records, cwd: directory })
  assert.deepEqual([code, stdout.toString()], [0, records])
})

test('without an admin port nothing listens but the source', async (t) => {
  const started = await serve(t, settingsText([pipelineText('one', anyPort, discard)], 'admin: { listen: none }\n'))
  assert.equal((await post(await started.source(), '{}\n')).status, 200)
  assert.equal((await started.stop('SIGINT')).code, 0)
  assert.deepEqual(
    started.log.filter(({ msg }) => msg === 'The admin port is open.'),
    [],
  )
})

/** Stops reading standard output at its first bytes: the sink then waits, and so does the shutdown. Resolves when it has. */
function stopsReading({ child }: Serving): Promise<void> {
  return new Promise((resolve) => {
    child.stdout.once('data', () => {
      child.stdout.pause()
      resolve()
    })
  })
}

test('a second signal ends it at once, with the code of that signal', async (t) => {
  const settings = settingsText([pipelineText('one', anyPort, '{ keep: { stdout: {} } }')])
  const started = await serve(t, settings)
  const address = await started.source()
  const blocked = stopsReading(started)
  const answer = post(address, '{"s":"a"}\n'.repeat(200_000)).catch(() => undefined)
  await blocked
  started.child.kill('SIGTERM')
  await started.logged('The service is ending, and takes nothing new.')
  started.child.kill('SIGINT')
  started.child.stdout.resume()
  assert.equal((await started.finished).code, 130)
  assert.notEqual((await answer)?.status, 200)
})

test('what cannot be delivered in time is given up: no 200, and exit code 1', async (t) => {
  const more = "admin: { listen: '127.0.0.1:0' }\nshutdownMs: 1s\n"
  const started = await serve(t, settingsText([pipelineText('one', anyPort, '{ keep: { stdout: {} } }')], more))
  const address = await started.source()
  const blocked = stopsReading(started)
  const answer = post(address, '{"s":"a"}\n'.repeat(200_000)).catch(() => undefined)
  await blocked
  started.child.kill('SIGTERM')
  await started.logged('What could not be delivered in time is given up.')
  assert.notEqual((await answer)?.status, 200)
  started.child.stdout.resume()
  assert.equal((await started.finished).code, 1)
})

test('a disk that hangs, senders that stop and open connections do not keep the process', async (t) => {
  const more = "admin: { listen: '127.0.0.1:0' }\nshutdownMs: 1s\n"
  const directory = await folder(t)
  const pipe = path.join(directory, 'hangs')
  const started = await serve(
    t,
    settingsText([pipelineText('one', anyPort, '{ keep: { directory: { path: out } } }')], more),
    {
      directory,
      environment: {
        NODE_OPTIONS: `--import=${new URL('./hanging-disk.js', import.meta.url).href}`,
        FAULT_HANGS_AT: pipe,
      },
    },
  )
  const address = new URL(await started.source())
  assert.equal((await post(address.href, '{"n":1}\n')).status, 200)
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const answer = post(address.href, '{"n":2}\n').catch(() => undefined)
  const head = 'POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{'
  const admin = new URL(String((await started.logged('The admin port is open.'))['address']))
  for (const [{ port }, text] of [
    [address, head],
    [address, head.slice(0, 20)],
    [admin, 'POST /api/rules'],
    [admin, ''],
  ] as const) {
    const socket = net.connect(Number(port), '127.0.0.1').on('error', () => undefined)
    socket.resume().write(text)
    t.after(() => socket.destroy())
  }
  await started.metricIs('weir_http_in_flight_bytes{pipeline="one"}', (bytes) => bytes > 2 * 8192)
  const { code, signal, stderr } = await started.stop()
  assert.deepEqual([code, signal], [null, 'SIGKILL'], stderr)
  assert.notEqual((await answer)?.status, 200)
  assert.match(stderr, /What could not be delivered in time is given up/)
})
