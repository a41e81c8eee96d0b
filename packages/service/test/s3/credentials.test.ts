// Keys of a store: the forms in which a file may hold them, what is told of a bad one, and what a changed one changes.

import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { parseKeys } from '#src/s3/credentials.js'
import { openLog } from '#src/structured-log.js'
import { objectOf } from '../contract/object-store.js'
import { eventually } from '../faults/fault.js'
import { folder } from '../running.js'
import { startFakeS3 } from '../servers/s3/fake-s3.js'
import { credentialsText } from '../servers/s3/server.js'
import { open } from './opening.js'

const [accessKey, secretKey] = ['AKIAEXAMPLE', 'wJalr/XUtn+FEMI=']
const profile = `[default]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`
const storage = { accessKey, secretKey, endpoint: 'x', bucket: 'y' }

test('keys are read from each form of file', () => {
  const forms = [
    profile,
    `\uFEFF# keys\r\n[other]\r\naws_access_key_id=no\r\n\r\n[ default ] ; mine\r\nregion = x\r\nAWS_ACCESS_KEY_ID=${accessKey}\r\ns3 =\r\n  aws_secret_access_key = no\r\naws_secret_access_key=${secretKey}\r\n[last]\r\naws_access_key_id=no`,
    JSON.stringify({ accessKey, secretKey }),
    `\uFEFF\n${JSON.stringify({ outbound: { storage } }, undefined, 2)}`,
    JSON.stringify({ dataflow: { outbound: { storage } } }),
    JSON.stringify({ kafka: {}, settings: { dataflow: { inbound: null, outbound: { storage, count: 1 } } } }),
  ]
  for (const form of forms) assert.deepEqual(parseKeys(form), { accessKey, secretKey }, form)
  const lent = parseKeys(`${profile}aws_session_token = ${'t'.repeat(900)}==\n`)
  assert.deepEqual(lent, { accessKey, secretKey, sessionToken: `${'t'.repeat(900)}==` })
  const json = JSON.stringify({ outbound: { storage: { ...storage, sessionToken: 'token' } } })
  assert.deepEqual(parseKeys(json), { accessKey, secretKey, sessionToken: 'token' })
})

test('a file without keys is told why, where and what to write, and nothing of it is quoted', () => {
  const bad: [text: string, line: number | undefined, fault: RegExp, cure: RegExp][] = [
    [
      '',
      undefined,
      /^it has no profile \[default\], and is no JSON$/,
      /^write `\[default\]`, and below it `aws_access_key_id/,
    ],
    ['AKIAEXAMPLE:wJalr', undefined, /^it has no profile \[default\]/, /aws_secret_access_key = …`$/],
    [profile.replace('default', 'other'), undefined, /^it has no profile \[default\]/, /^write `\[default\]`/],
    [
      '# keys\n[default]\n',
      2,
      /^its profile \[default\] has no aws_access_key_id$/,
      /^write `aws_access_key_id = …` below `\[default\]`$/,
    ],
    [
      `[default]\naws_access_key_id = ${accessKey}`,
      1,
      /^its profile \[default\] has no aws_secret_access_key$/,
      /^write `aws_secret/,
    ],
    [profile.replace(secretKey, ''), 3, /^its profile \[default\] has no aws_secret_access_key$/, /^write/],
    [
      profile.replace(secretKey, 'wJalr XUtn'),
      3,
      /^aws_secret_access_key of \[default\] has to be 1 to 4096 printable characters/,
      /^copy it once more/,
    ],
    [profile.replace(accessKey, 'AKIÄ'), 2, /^aws_access_key_id of \[default\] has to be/, /^copy/],
    [`${profile}aws_session_token = a b`, 4, /^aws_session_token of \[default\] has to be/, /^copy/],
    [
      '{"accessKey":"AKIAEXAMPLE",\n"secretKey":"wJalr"',
      2,
      /^it begins with a brace, and is no JSON$/,
      /^mend its commas/,
    ],
    [
      '{}',
      undefined,
      /^it has no accessKey and secretKey, neither by themselves nor in settings\.dataflow\.outbound\.storage$/,
      /^write `\{ "accessKey"/,
    ],
    ['{"outbound":{"storage":null}}', undefined, /^it has no accessKey and secretKey/, /^write/],
    ['{"accessKey":"AKIAEXAMPLE"}', undefined, /^it has no secretKey$/, /^write `"secretKey": "…"`/],
    [
      '{"outbound":{"storage":{"secretKey":"wJalr"}}}',
      undefined,
      /^it has no outbound\.storage\.accessKey$/,
      /^write `"accessKey"/,
    ],
    ['{"accessKey":7,"secretKey":"wJalr"}', undefined, /^accessKey has to be/, /^copy/],
    ['{"__proto__":{"accessKey":"AKIAEXAMPLE","secretKey":"wJalr"}}', undefined, /^it has no accessKey/, /^write/],
  ]
  for (const [text, line, fault, cure] of bad) {
    const told = parseKeys(text)
    assert.ok('message' in told, text)
    assert.match(told.message, fault)
    assert.match(told.cure, cure)
    assert.equal(told.line, line, text)
    assert.doesNotMatch(JSON.stringify(told), /AKI|wJalr/)
  }
})

test('a store is not opened with a file that is missing or bad', async (t) => {
  const server = await startFakeS3(t)
  const [missing, bad] = await Promise.all(['missing', 'bad'].map(async (name) => path.join(await folder(t), name)))
  await writeFile(bad!, '{"secretKey":"wJalr"}')
  const refused = (credentials: string, message: RegExp) =>
    assert.rejects(open(t, server, { credentials }), { name: 'ConfigError', code: 'ERR_CONFIG_S3', message })
  await refused(
    missing!,
    /^The credentials of the store in .*missing cannot be used: it cannot be read, no such file or directory \(ENOENT\); have `credentials` name a file/,
  )
  await refused(
    bad!,
    /^The credentials of the store in .*bad cannot be used: it has no accessKey; write `"accessKey": "…"` beside the other key\.$/,
  )
  await refused('/dev/zero', /it is no regular file/)
})

test('changed keys serve the next call; bad ones are told, and those before stay in force', async (t) => {
  const server = await startFakeS3(t, { accessKeys: ['first', 'second'] })
  const credentials = path.join(await folder(t), 'credentials')
  const write = async (text: string) => {
    await writeFile(`${credentials}.new`, text)
    await rename(`${credentials}.new`, credentials)
  }
  await write(credentialsText({ accessKey: 'first', secretKey: 'first-secret' }))
  let said = ''
  const news: (string | undefined)[] = []
  const store = await open(t, server, {
    ...{ credentials, pollMs: 5, log: openLog({ level: 'debug', format: 'json', write: (text) => (said += text) }) },
    onCredentials: ({ error }) => news.push(error?.message),
  })
  const signedBy = async (key: string) => {
    await store.create(objectOf(key, 'x'))
    return /Credential=([^/]+)/.exec(server.callsOf('put').at(-1)!.headers['authorization']!)![1]
  }
  assert.equal(await signedBy('a'), 'first')
  await write('{"accessKey":"second"}')
  await eventually('the bad file is told', async () => Promise.resolve(news.length === 1))
  assert.match(news[0]!, /cannot be used: it has no secretKey; /)
  assert.equal(await signedBy('b'), 'first')
  await rm(credentials)
  await eventually('the missing file is told', async () => Promise.resolve(news.length === 2))
  assert.equal(await signedBy('c'), 'first')
  await write(JSON.stringify({ accessKey: 'second', secretKey: 'second-secret' }))
  await eventually('the good file is told', async () => Promise.resolve(news.length === 3))
  assert.equal(news[2], undefined)
  assert.equal(await signedBy('d'), 'second')
  // The one before is taken back.
  server.accessKeys = ['second']
  assert.equal(await signedBy('e'), 'second')
  server.accessKeys = []
  await assert.rejects(store.create(objectOf('f', 'x')), { code: 'ERR_S3_CREDENTIALS' })
  const messages = said
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
  assert.deepEqual(messages, [
    'Changed credentials for the object store cannot be used; those before stay in force.',
    'Changed credentials for the object store cannot be used; those before stay in force.',
    'Changed credentials for the object store serve new calls.',
  ])
  assert.doesNotMatch(said, /first|second/)
})

test('keys that are lent for a time are sent with their token', async (t) => {
  const server = await startFakeS3(t)
  const credentials = path.join(await folder(t), 'credentials')
  await writeFile(credentials, `${credentialsText(server)}aws_session_token = the-token\n`)
  await (await open(t, server, { credentials })).create(objectOf('a', 'x'))
  assert.equal(server.callsOf('put')[0]!.headers['x-amz-security-token'], 'the-token')
})

test('without a file the SDK looks for keys where it always does, and it is told when there are none', async (t) => {
  const server = await startFakeS3(t)
  const empty = await folder(t)
  const places = {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SHARED_CREDENTIALS_FILE: path.join(empty, 'none'),
    AWS_CONFIG_FILE: path.join(empty, 'none'),
    HOME: empty,
  }
  const names = [...Object.keys(places), 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
  const before = names.map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, places)
  t.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  const { openStore } = await import('#src/s3/store.js')
  const options = { bucket: 'logs', endpoint: server.endpoint, region: server.region, requestMs: 20_000 }
  const without = await openStore(options)
  t.after(() => without.close())
  const refusal = {
    code: 'ERR_S3_CREDENTIALS',
    retryable: true,
    message:
      /Could not load credentials.*\. Name a file of keys by `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;/,
  }
  await assert.rejects(without.create(objectOf('a', 'x')), refusal)
  // And finds them when they come, as by a role, without being opened anew. Files it reads once.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: server.accessKey, AWS_SECRET_ACCESS_KEY: server.secretKey })
  assert.equal(await without.create(objectOf('a', 'x')), 'written')
})
