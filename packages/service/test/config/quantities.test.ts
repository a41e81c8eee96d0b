// How sizes and times are read and written.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatSize, formatTime, sizeOf, sizePattern, timeOf, timePattern } from '#src/config/quantities.js'

const sizes: Readonly<Record<string, number>> = { '0': 0, '1': 1, '7b': 7, '64KiB': 65_536, '2mib': 2 << 20, '1.5MiB': 1_572_864, '3 MB': 3e6, '2kB': 2000, '1GiB': 2 ** 30 } // prettier-ignore
const times: Readonly<Record<string, number>> = { '0': 0, '500': 500, '500ms': 500, '20s': 20_000, '1.5s': 1500, '75 s': 75_000, '5min': 300_000, '2h': 7_200_000 } // prettier-ignore

test('a size is a number of bytes, or has a unit of 1,000 or 1,024', () => {
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(sizeOf(text), bytes, text)
  for (const text of [
    '',
    '-1',
    '1.5',
    '2M',
    'MiB',
    '1e6',
    '0x10',
    '2 TiB',
    '2constructor',
    '1.0001KiB',
    '99999999GiB',
  ]) {
    assert.equal(sizeOf(text), undefined, text)
  }
})

test('a time is a number of milliseconds, or has a unit; `m` is none', () => {
  for (const [text, ms] of Object.entries(times)) assert.equal(timeOf(text), ms, text)
  for (const text of ['', '-1s', '1.5', '0.5ms', '5m', '1d', 's', '1 min 5 s', '20S'])
    assert.equal(timeOf(text), undefined, text)
})

test('what can be read has the form that schemas ask for', () => {
  for (const text of Object.keys(sizes)) assert.match(text, sizePattern)
  for (const text of Object.keys(times)) assert.match(text, timePattern)
  for (const text of ['2M', 'MiB', '2 TiB']) assert.doesNotMatch(text, sizePattern)
  for (const text of ['5m', '1d', '20S']) assert.doesNotMatch(text, timePattern)
})

test('a size or time is written so that it can be read back', () => {
  for (const text of ['0', '4095', '64KiB', '2MiB', '1GiB', '1536KiB'])
    assert.equal(formatSize(sizeOf(text) ?? -1), text)
  for (const text of ['0ms', '1500ms', '75s', '5min', '1h', '90min']) assert.equal(formatTime(timeOf(text) ?? -1), text)
})
