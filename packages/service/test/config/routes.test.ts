// Routes of rules held against the outputs of settings.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkRoutes, hasOutputFor } from '#src/config/routes.js'
import type { ConfigError } from '#src/errors.js'
import { load, pipeline } from './loading.js'

const text = `pipelines:\n${pipeline('a').replace('{ keep:', '{ security: { discard: {} }, keep:')}`

test('a route of the rules without an output is an error with the place of the routes', () => {
  assert.throws(
    () => checkRoutes(load(text), { a: ['keep', 'drop', 'malformed', 'securty', 'slow'] }),
    (error: ConfigError) => {
      assert.equal(error.code, 'ERR_CONFIG_ROUTE_WITHOUT_OUTPUT')
      const issues = error.issues.map(({ path, line, suggestion }) => [path, line, suggestion])
      assert.deepEqual(issues, [
        ['pipelines.a.routes.securty', 4, 'you have `security`'],
        ['pipelines.a.routes.slow', 4, 'add one; `discard: {}` forgets its records'],
      ])
      return true
    },
  )
})

test('an output that no rule sends to is a warning, for rules may be swapped', () => {
  const warnings = checkRoutes(load(text), { a: ['keep', 'drop', 'malformed'] })
  assert.deepEqual(
    warnings.map(({ path, line, message }) => [path, line, message]),
    [['pipelines.a.routes.security', 4, 'No rule sends records to this route.']],
  )
  assert.deepEqual(checkRoutes(load(text), { a: ['keep', 'drop', 'security'] }), [])
})

test('dropped and malformed records need no output', () => {
  const settings = load(text).settings.pipelines['a'] ?? assert.fail('no pipeline')
  const answers = ['keep', 'drop', 'malformed', 'security', 'slow', 'constructor'].map((each) =>
    hasOutputFor(settings, each),
  )
  assert.deepEqual(answers, [true, true, true, true, false, false])
})
