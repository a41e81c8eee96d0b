// Errors of the client library as errors of ours.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { KafkaError } from '#src/errors.js'
import { library } from '#src/kafka/library.js'
import { acknowledgedOffset } from '#src/kafka/producer.js'
import { isType, kafkaError } from '#src/kafka/refusals.js'

/** The table of what brokers answer, as the library has it. */
const { createErrorFromCode, errorCodes } = library().part('protocol/error.js') as {
  createErrorFromCode: (code: number) => Error
  errorCodes: readonly { readonly code: number; readonly type: string }[]
}

const { KafkaJSNumberOfRetriesExceeded, KafkaJSNonRetriableError, KafkaJSConnectionError } = library().kafkajs

/** The library gives its errors a cause, which its types do not know. */
function within(error: Error, cause: Error): Error {
  return Object.assign(error, { cause })
}

test('what a broker answers has a code, wherever the library hides it', () => {
  const fenced = createErrorFromCode(47)
  const wrapped = within(new KafkaJSNonRetriableError(fenced), fenced)
  const twice = new KafkaJSNumberOfRetriesExceeded(wrapped, { retryCount: 1, retryTime: 1 })
  for (const error of [fenced, wrapped, twice]) {
    const told = kafkaError(error, 'Committing')
    assert.equal(told.code, 'ERR_KAFKA_FENCED')
    assert.equal(told.retryable, false)
    assert.match(told.message, /^Committing failed: .*\(INVALID_PRODUCER_EPOCH\)\.$/)
    assert.deepEqual(told.details, { type: 'INVALID_PRODUCER_EPOCH', code: 47 })
    assert.equal(told.cause, error)
    assert.ok(isType(error, 'INVALID_PRODUCER_EPOCH'))
  }
})

test('every refusal of a right is one of rights, and none is tried again', () => {
  const refusals = errorCodes.filter(({ type }) => type.endsWith('_AUTHORIZATION_FAILED'))
  assert.ok(refusals.length >= 4)
  for (const { code } of refusals) {
    const { code: told, retryable } = kafkaError(createErrorFromCode(code), 'Asking')
    assert.deepEqual([told, retryable], ['ERR_KAFKA_ACL', false])
  }
})

test('what passes may be tried again: connections, time-outs, leaders, replicas', () => {
  for (const [code, expected] of [
    [6, 'ERR_KAFKA_TOPIC'],
    [7, 'ERR_KAFKA_TIMEOUT'],
    [16, 'ERR_KAFKA_CONNECT'],
    [19, 'ERR_KAFKA_REPLICAS'],
    [51, 'ERR_KAFKA_TRANSACTION'],
  ] as const) {
    const told = kafkaError(createErrorFromCode(code), 'Asking')
    assert.deepEqual([told.code, told.retryable], [expected, true])
  }
  const lost = new KafkaJSConnectionError('connect ECONNREFUSED', { broker: 'a:1', code: 'ECONNREFUSED' })
  assert.deepEqual([kafkaError(lost, 'Asking').code, kafkaError(lost, 'Asking').retryable], ['ERR_KAFKA_CONNECT', true])
})

test('a certificate that is not trusted is no lost connection', () => {
  for (const code of ['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID']) {
    const error = new KafkaJSConnectionError('Connection error: no', { broker: 'a:1', code })
    assert.deepEqual(
      [kafkaError(error, 'Asking').code, kafkaError(error, 'Asking').retryable],
      ['ERR_KAFKA_AUTH', false],
    )
  }
})

test('what is ours stays as it is, also inside the library’s, and what nobody knows is told as it is', () => {
  const ours = new KafkaError('ERR_KAFKA_GROUP', 'Ours.')
  assert.equal(kafkaError(ours, 'Asking'), ours)
  assert.equal(kafkaError(within(new KafkaJSNonRetriableError(ours), ours), 'Asking'), ours)
  const { code, message } = kafkaError(new TypeError('x is not a function'), 'Asking')
  assert.deepEqual([code, message], ['ERR_KAFKA_REQUEST', 'Asking failed: x is not a function.'])
  assert.equal(kafkaError(createErrorFromCode(9999), 'Asking').code, 'ERR_KAFKA_REQUEST')
  assert.equal(isType(undefined, 'UNKNOWN'), false)
})

test('only one acknowledgement, for the partition and without an error, is one', () => {
  const to = { topic: 'raw', partition: 3 }
  const right = { topicName: 'raw', partition: 3, errorCode: 0, baseOffset: '9007199254740993' }
  assert.equal(acknowledgedOffset([right], to), 9007199254740993n)
  const wrong = [
    [right, right],
    [{ ...right, partition: 2 }],
    [{ ...right, topicName: 'other' }],
    [{ ...right, errorCode: 1 }],
  ]
  for (const answers of wrong) {
    assert.throws(() => acknowledgedOffset(answers, to), { code: 'ERR_KAFKA_ANSWER', message: /^Writing to raw\/3 / })
  }
  const { baseOffset: _, ...without } = right
  assert.throws(() => acknowledgedOffset([without], to), { code: 'ERR_KAFKA_ANSWER' })
  assert.throws(() => acknowledgedOffset([], to), { code: 'ERR_KAFKA_TOPIC' })
})
