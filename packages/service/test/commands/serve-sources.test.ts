// Settings of sources, held against what sources do by themselves.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpLimitsOf } from '#src/commands/serve-sources.js'
import { settingsSchema } from '#src/config/schema.js'
import type { HttpSourceSettings } from '#src/config/schema.js'
import { httpLimits } from '#src/http-limits.js'

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

test('each limit of an http source that is set is that limit and no other', () => {
  const given = {
    maxBodyBytes: 2001,
    maxInflatedBytes: 2002,
    maxRatio: 103,
    maxHeaderBytes: 2004,
    maxConnections: 105,
    answerWithinMs: 106,
    headersWithinMs: 107,
    requestWithinMs: 108,
    keepAliveMs: 109,
    rateBytesPerSecond: 2010,
  }
  assert.deepEqual(httpLimitsOf(httpSettings(given)), {
    bodyBytes: 2001,
    inflatedBytes: 2002,
    inflationRatio: 103,
    headerBytes: 2004,
    connections: 105,
    deadlineMs: 106,
    headersTimeoutMs: 107,
    requestTimeoutMs: 108,
    keepAliveTimeoutMs: 109,
    credentialBytesPerSecond: 2010,
  })
  const { headersTimeoutMs } = httpLimitsOf(httpSettings({ headersWithinMs: 5000, requestWithinMs: 1000 }))
  assert.equal(headersTimeoutMs, 1000, 'a head is part of its request')
})
