// Settings of sources, held against what sources do by themselves.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpLimitsOf } from '#src/commands/serve-sources.js'
import { settingsSchema } from '#src/config/schema.js'
import type { HttpSourceSettings } from '#src/config/schema.js'
import { httpLimitTable, httpLimits } from '#src/http-limits.js'
import type { LimitRow } from '#src/http-limits.js'

function httpSettings(given: object): HttpSourceSettings {
  const routes = { keep: { directory: { path: '/kept' } } }
  const settings = settingsSchema.parse({ pipelines: { only: { source: { http: given }, routes } } })
  const { http } = settings.pipelines['only']?.source ?? {}
  assert.ok(http !== undefined)
  return http
}

test('an http source without settings has the limits of its table', () => {
  assert.deepEqual(httpLimits(httpLimitsOf(httpSettings({}))), httpLimits())
})

test('each limit is set by the setting that its row names, and the others by none', () => {
  const rows = Object.entries<LimitRow>(httpLimitTable).flatMap(([name, { setting }], index) =>
    setting === undefined ? [] : [{ name, setting, value: 2000 + index }],
  )
  const given = Object.fromEntries(rows.map(({ setting, value }) => [setting, value]))
  assert.deepEqual(
    httpLimitsOf(httpSettings({ ...given, maxRatio: 103 })),
    Object.fromEntries(rows.map(({ name, setting, value }) => [name, setting === 'maxRatio' ? 103 : value])),
  )
  const { headersTimeoutMs } = httpLimitsOf(httpSettings({ headersWithinMs: 5000, requestWithinMs: 1000 }))
  assert.equal(headersTimeoutMs, 1000, 'a head is part of its request')
})
