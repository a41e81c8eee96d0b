// The codes of the service: each is thrown here or by a command's test, and each means the exit code that it should.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { planOutputs, refuseInputsAsOutputs } from '#src/commands/outputs.js'
import { errorLines, exitCodeOf, issueLine } from '#src/commands/report.js'
import { ConfigError, ConnectorError, errorCodes, systemReason } from '#src/errors.js'
import { visible, visibleLine } from '#src/log.js'
import { fileSource } from '#src/sources/file.js'
import { readAll } from './contract/source.js'
import { weir } from './running.js'

test('the prefix of a code says which class carries it, and each has a meaning and a cure', () => {
  for (const [code, { kind, meaning, cure }] of Object.entries(errorCodes)) {
    assert.match(code, new RegExp(`^ERR_${kind.toUpperCase()}_`))
    for (const sentence of [meaning, cure]) assert.match(sentence, /^[A-Z].*\.$/)
  }
})

test('each fault of the outputs has its code', async () => {
  const options = { route: [], count: false }
  const slow = { route: 'slow', file: '/dev/null' }
  const routes = ['keep', 'drop', 'malformed', 'slow']
  await assert.rejects(planOutputs(options, routes), { code: 'ERR_CONFIG_ROUTE_WITHOUT_OUTPUT' })
  await assert.rejects(planOutputs({ ...options, route: [slow] }, ['keep']), { code: 'ERR_CONFIG_UNKNOWN_ROUTE' })
  await assert.rejects(planOutputs({ ...options, route: [slow, slow] }, routes), { code: 'ERR_CONFIG_OPTION' })
  await assert.rejects(planOutputs({ ...options, route: [{ ...slow, file: '-' }] }, routes), {
    code: 'ERR_CONFIG_SAME_FILE',
  })
  const planned = await planOutputs({ ...options, output: 'package.json' }, ['keep'])
  await assert.rejects(refuseInputsAsOutputs(planned, ['./package.json'], 'rules.yaml'), {
    code: 'ERR_CONFIG_SAME_FILE',
  })
})

test('reading that fails half-way has its code and the system’s reason', async () => {
  // The first page of a process's memory is never there.
  await assert.rejects(readAll(fileSource('/proc/self/mem')), {
    code: 'ERR_CONNECTOR_READ',
    message: /^Reading \/proc\/self\/mem failed: .* \(E[A-Z]+\)\.$/,
  })
  const run = await weir(['generate', 'ds2', '--records', '1', '-o', '/proc/weir'])
  assert.equal(run.code, 1)
})

test('wrong use and wrong rules exit with 2, everything else with 1', () => {
  assert.equal(exitCodeOf(new ConfigError('ERR_CONFIG_OPTION', 'No.')), 2)
  assert.equal(exitCodeOf(new ConnectorError('ERR_CONNECTOR_WRITE', 'No.')), 1)
  assert.equal(exitCodeOf(Object.assign(new Error('No.'), { code: 'ERR_RULESET_INVALID' })), 2)
  assert.equal(exitCodeOf(Object.assign(new Error('No.'), { code: 'ENOENT' })), 1)
  assert.equal(exitCodeOf('thrown text'), 1)
})

test('an unexpected fault is one line, never a stack or an empty message', () => {
  assert.deepEqual(errorLines(new TypeError('x is not a function'), undefined), [
    'weir: unexpected fault: x is not a function',
  ])
  assert.deepEqual(errorLines(new RangeError(''), undefined), ['weir: unexpected fault: RangeError'])
})

test('a problem of a rule file is one line with its place and its cure', () => {
  const issue = { path: 'rules[0].when', message: 'Two\n lines.', suggestion: 'write one', line: 3, column: 7 }
  assert.equal(issueLine('r.yaml', issue), 'r.yaml:3:7: rules[0].when: Two lines. (write one)')
  assert.equal(issueLine('r.yaml', { path: '', message: 'Empty.' }), 'r.yaml: Empty.')
})

test('the reasons of the system are told in words and by name', () => {
  assert.equal(systemReason({ code: 'ENOSPC', errno: -28 }), 'no space left on device (ENOSPC)')
  assert.equal(systemReason(new Error('odd')), 'odd')
})

test('control characters and direction marks are made visible, line feeds and tabs stay', () => {
  assert.equal(visible('a\u001b[31m\u202eb\n\tc\u009b'), 'a\\u001b[31m\\u202eb\n\tc\\u009b')
})

test('a name and a message become one line, whatever is in them', () => {
  assert.equal(visibleLine('a\nb\tc\u001b'), 'a\\u000ab\\u0009c\\u001b')
  assert.deepEqual(errorLines(new ConnectorError('ERR_CONNECTOR_OPEN', 'Cannot read a\nb.'), undefined), [
    'weir: Cannot read a\\u000ab.',
  ])
  assert.equal(issueLine('a\nb', { path: '', message: 'Empty.' }), 'a\\u000ab: Empty.')
})
