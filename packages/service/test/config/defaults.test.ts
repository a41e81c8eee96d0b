// The built-in settings: their rules are the sample rules, and have an output for each route.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { compileRules } from '@weir/engine'
import { testRules } from '@weir/engine/testing'

import { defaultSettingsText } from '#src/config/defaults.js'
import { rulesOf } from '#src/config/load.js'
import { checkRoutes } from '#src/config/routes.js'
import { sampleRules } from '#src/config/sample-rules.js'
import { load } from './loading.js'

test('the rules are those of the sample file, and pass their own tests', () => {
  const file = new URL('../../../../fixtures/rule-sets/sample.yaml', import.meta.url)
  assert.equal(sampleRules, readFileSync(file, 'utf8'))
  const results = testRules(rulesOf(load(undefined), 'default'))
  assert.ok(results.length > 0 && results.every(({ passed }) => passed))
})

test('each route of the rules has an output, and each output a rule', () => {
  const loaded = load(undefined)
  const compiled = compileRules(rulesOf(loaded, 'default'))
  assert.deepEqual(checkRoutes(loaded, { default: compiled.routes }), [])
  compiled.release()
})

test('the text with a rule file instead is a good start for settings of one’s own', () => {
  const { pipelines } = load(defaultSettingsText('rules.yaml')).settings
  assert.equal(pipelines['default']?.rules, '/srv/etc/rules.yaml')
})
