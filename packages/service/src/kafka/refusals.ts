// Errors of the client library as errors of ours: which code, and whether waiting may help. The library wraps errors in
// others; what decides is the innermost. Called wherever the library is called.

import { KafkaError } from '../errors.ts'
import type { KafkaErrorCode } from '../errors.ts'

/** What is read of an error of the library. */
interface LibraryError {
  readonly name?: string
  readonly message?: string
  /** The protocol's name of what a broker answered. */
  readonly type?: string
  /** A number of the protocol, or the system's name. */
  readonly code?: number | string
  readonly retriable?: boolean
  readonly cause?: unknown
}

/** What brokers answer. */
const codeOfType: Readonly<Record<string, KafkaErrorCode>> = {
  ...all('ERR_KAFKA_FENCED', 'INVALID_PRODUCER_EPOCH INVALID_PRODUCER_ID_MAPPING UNKNOWN_PRODUCER_ID'),
  ...all('ERR_KAFKA_FENCED', 'TRANSACTION_COORDINATOR_FENCED PRODUCER_FENCED'),
  ...all('ERR_KAFKA_TRANSACTION', 'CONCURRENT_TRANSACTIONS INVALID_TXN_STATE'),
  ...all('ERR_KAFKA_TRANSACTION', 'OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER'),
  ...all('ERR_KAFKA_MEMBERSHIP', 'REBALANCE_IN_PROGRESS ILLEGAL_GENERATION UNKNOWN_MEMBER_ID'),
  ...all('ERR_KAFKA_MEMBERSHIP', 'FENCED_INSTANCE_ID MEMBER_ID_REQUIRED'),
  ...all('ERR_KAFKA_GROUP', 'INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID INVALID_SESSION_TIMEOUT'),
  ...all('ERR_KAFKA_GROUP', 'GROUP_MAX_SIZE_REACHED NON_EMPTY_GROUP'),
  ...all('ERR_KAFKA_TOPIC', 'UNKNOWN_TOPIC_OR_PARTITION INVALID_TOPIC_EXCEPTION INVALID_PARTITIONS INVALID_CONFIG'),
  ...all('ERR_KAFKA_TOPIC', 'INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT POLICY_VIOLATION'),
  ...all('ERR_KAFKA_TOPIC', 'LEADER_NOT_AVAILABLE NOT_LEADER_FOR_PARTITION TOPIC_ALREADY_EXISTS'),
  ...all('ERR_KAFKA_REPLICAS', 'NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND'),
  ...all('ERR_KAFKA_SIZE', 'MESSAGE_TOO_LARGE RECORD_LIST_TOO_LARGE OFFSET_METADATA_TOO_LARGE'),
  ...all('ERR_KAFKA_TIMEOUT', 'REQUEST_TIMED_OUT'),
  ...all('ERR_KAFKA_OFFSET', 'OFFSET_OUT_OF_RANGE'),
  ...all('ERR_KAFKA_CRC', 'CORRUPT_MESSAGE'),
  ...all('ERR_KAFKA_AUTH', 'SASL_AUTHENTICATION_FAILED UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE'),
  ...all('ERR_KAFKA_CONNECT', 'NETWORK_EXCEPTION BROKER_NOT_AVAILABLE NOT_CONTROLLER'),
  ...all('ERR_KAFKA_CONNECT', 'GROUP_LOAD_IN_PROGRESS GROUP_COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR_FOR_GROUP'),
}

/** Classes of the library whose errors come from no broker. */
const codeOfName: Readonly<Record<string, KafkaErrorCode>> = {
  ...all('ERR_KAFKA_CONNECT', 'KafkaJSConnectionError KafkaJSConnectionClosedError KafkaJSBrokerNotFound'),
  ...all('ERR_KAFKA_CONNECT', 'KafkaJSGroupCoordinatorNotFound KafkaJSMetadataNotLoaded KafkaJSNoBrokerAvailableError'),
  ...all('ERR_KAFKA_TOPIC', 'KafkaJSTopicMetadataNotLoaded KafkaJSStaleTopicMetadataAssignment'),
  ...all('ERR_KAFKA_TIMEOUT', 'KafkaJSRequestTimeoutError KafkaJSTimeout KafkaJSLockTimeout'),
  ...all('ERR_KAFKA_AUTH', 'KafkaJSSASLAuthenticationError'),
}

function all(code: KafkaErrorCode, types: string): Record<string, KafkaErrorCode> {
  return Object.fromEntries(types.split(' ').map((type) => [type, code]))
}

/** What passes by itself, whatever the library thinks of it. */
const passing = new Set<KafkaErrorCode>(['ERR_KAFKA_CONNECT', 'ERR_KAFKA_TIMEOUT', 'ERR_KAFKA_REPLICAS'])

/** What stays refused until somebody changes something, though the library sees a broken connection in it. */
const refused = new Set<KafkaErrorCode>(['ERR_KAFKA_AUTH', 'ERR_KAFKA_ACL'])

/** How Node names what it does not trust about a certificate, or the other side about ours. */
const distrust = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|ERR_SSL_)|_CERT_|CERTIFICATE/

/** Returns the error as one of ours. `doing` is what failed, as the beginning of a sentence: `Writing to raw/3`. */
export function kafkaError(error: unknown, doing: string): KafkaError {
  if (error instanceof KafkaError) return error
  const inner = innermost(error as LibraryError)
  if (inner instanceof KafkaError) return inner
  const code = codeOf(inner)
  const { message = 'it is not known why', type } = inner
  const retryable = passing.has(code) || (inner.retriable === true && !refused.has(code))
  const details = { ...(type === undefined ? {} : { type }), ...(inner.code === undefined ? {} : { code: inner.code }) }
  const reason = message.replace(/\.$/, '')
  const told = type === undefined || type === 'UNKNOWN' ? reason : `${reason} (${type})`
  return new KafkaError(code, `${doing} failed: ${told}.`, { retryable, details, cause: error })
}

function codeOf({ type, name, code, message }: LibraryError): KafkaErrorCode {
  if (type !== undefined && type.endsWith('_AUTHORIZATION_FAILED')) return 'ERR_KAFKA_ACL'
  if (type !== undefined && Object.hasOwn(codeOfType, type)) return codeOfType[type]!
  if (typeof code === 'string' && distrust.test(code)) return 'ERR_KAFKA_AUTH'
  // A broker that wants a certificate says so only when the handshake is over.
  if (/alert (certificate|bad certificate|unknown ca|handshake)/i.test(message ?? '')) return 'ERR_KAFKA_AUTH'
  if (name !== undefined && Object.hasOwn(codeOfName, name)) return codeOfName[name]!
  return 'ERR_KAFKA_REQUEST'
}

/** Returns the error that is behind all others. Several at once are told as their first. */
function innermost(error: LibraryError): LibraryError {
  let inner = error
  for (let depth = 0; depth < 10; depth++) {
    const { cause, errors } = inner as { cause?: unknown; errors?: readonly unknown[] }
    const next = errors?.[0] ?? cause
    if (typeof next !== 'object' || next === null) break
    inner = next
  }
  return inner
}

/** Returns whether a broker said just this. */
export function isType(error: unknown, type: string): boolean {
  return innermost(error ?? {}).type === type
}
