// Addresses to listen on: how they are read, who can reach them, and which are in each other's way.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addressOf, isLoopback, isSameAddress } from '#src/address.js'
import type { ListenAddress } from '#src/address.js'

function address(text: string): ListenAddress {
  const found = addressOf(text)
  assert.ok(found !== undefined, text)
  return found
}

test('an address is a host and a port, IPv6 in brackets', () => {
  assert.deepEqual(addressOf('127.0.0.1:9880'), { host: '127.0.0.1', port: 9880 })
  assert.deepEqual(addressOf('[::1]:0'), { host: '::1', port: 0 })
  assert.deepEqual(addressOf('Logs.Example.com:443'), { host: 'logs.example.com', port: 443 })
  for (const text of [
    '9880',
    ':9880',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.256:1',
    '1.2.3:80',
    '::1:80',
  ]) {
    assert.equal(addressOf(text), undefined, text)
  }
  for (const text of ['[127.0.0.1]:80', '[::g]:80', '[::1%lo]:80', 'http://a:80', 'a b:80', 'a:8x', '-a:80', 'a/:80']) {
    assert.equal(addressOf(text), undefined, text)
  }
})

test('only this machine reaches loopback addresses, however they are written', () => {
  for (const text of [
    '127.0.0.1:1',
    '127.9.8.7:1',
    '[::1]:1',
    '[0:0:0:0:0:0:0:1]:1',
    'localhost:1',
    'LOCALHOST:1',
    '[::ffff:127.0.0.1]:1',
  ]) {
    assert.equal(isLoopback(address(text)), true, text)
  }
  for (const text of [
    '0.0.0.0:1',
    '[::]:1',
    '10.0.0.1:1',
    'localhost.example.com:1',
    '[::ffff:10.0.0.1]:1',
    '128.0.0.1:1',
  ]) {
    assert.equal(isLoopback(address(text)), false, text)
  }
})

test('two addresses are one when port and host agree, or one host stands for all', () => {
  const isSame = (a: string, b: string) => {
    assert.equal(isSameAddress(address(a), address(b)), isSameAddress(address(b), address(a)))
    return isSameAddress(address(a), address(b))
  }
  for (const [a, b] of [
    ['127.0.0.1:1', '127.0.0.1:1'],
    ['localhost:1', '127.0.0.1:1'],
    ['localhost:1', '[::1]:1'],
    ['0.0.0.0:1', '127.0.0.1:1'],
    ['[::]:1', '127.0.0.1:1'],
    ['[::]:1', '0.0.0.0:1'],
    ['[::1]:1', '[0:0::1]:1'],
    ['[::ffff:127.0.0.1]:1', '127.0.0.1:1'],
    ['0.0.0.0:1', 'logs.example.com:1'],
  ] as const) {
    assert.equal(isSame(a, b), true, `${a} ${b}`)
  }
  for (const [a, b] of [
    ['127.0.0.1:1', '127.0.0.1:2'],
    ['127.0.0.1:1', '127.0.0.2:1'],
    ['127.0.0.1:1', '[::1]:1'],
    ['0.0.0.0:1', '[::1]:1'],
    ['127.0.0.1:0', '127.0.0.1:0'],
  ] as const) {
    assert.equal(isSame(a, b), false, `${a} ${b}`)
  }
})
