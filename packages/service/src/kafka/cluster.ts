// A Kafka cluster, as one process sees it: the port's implementation, put together. Consumer, producers and questions have
// instances of the library of their own, since those share what they believe of committed offsets. Called by whoever opens
// pipelines.

import { ConfigError } from '../errors.ts'
import { Admin } from './admin.ts'
import type { ClientSettings, Place } from './client.ts'
import { openCredentials } from './credentials.ts'
import { library } from './library.ts'
import { joinGroup } from './member.ts'
import type { MemberSettings } from './member.ts'
import { kafkaDefaults } from './options.ts'
import type { KafkaOptions } from './options.ts'
import type { GroupMember, KafkaCluster } from './port.ts'
import { openProducer, openTransactional } from './producer.ts'
import type { OpenProducer, ProducerSettings } from './producer.ts'
import { readCommittedRecords } from './reader.ts'

/**
 * Opens a cluster. Reads the credentials and loads the client library; nothing is connected yet. *Errors*:
 * `ERR_CONFIG_KAFKA`, `ERR_CONFIG_TLS`, `ERR_KAFKA_LIBRARY`.
 */
export async function openCluster(options: KafkaOptions): Promise<KafkaCluster> {
  const { brokers, tls, sasl, log, pollMs, clientId = 'weir' } = options
  const places = brokers.map(placeOf)
  if (places.length === 0) throw new ConfigError('ERR_CONFIG_KAFKA', 'No broker is given.')
  library()
  const listeners = new Set<() => void>()
  const report = ({ error }: { readonly error?: Error }) => {
    if (error === undefined) {
      log?.info('Changed credentials for Kafka serve new connections.')
      for (const listener of listeners) listener()
    } else log?.error('Changed credentials for Kafka cannot be used; those before stay in force.', { error })
  }
  const credentials = await openCredentials({
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(pollMs === undefined ? {} : { pollMs }),
    report,
  })
  const { requestMs = kafkaDefaults.requestMs } = options
  const client: ClientSettings = { brokers: places, clientId, requestMs, log, credentials: () => credentials.current }
  const cluster = clusterOf(brokers.join(','), client, options, () => credentials.close())
  const onCredentials = (listener: () => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return { ...cluster, onCredentials }
}

function clusterOf(
  name: string,
  client: ClientSettings,
  options: KafkaOptions,
  closeCredentials: () => Promise<void>,
): Omit<KafkaCluster, 'onCredentials'> {
  const { sessionMs = kafkaDefaults.sessionMs, fetchBytes = kafkaDefaults.fetchBytes } = options
  const { transactionMs = kafkaDefaults.transactionMs, compression = 'none' } = options
  const memberSettings: MemberSettings = { ...client, sessionMs, fetchBytes }
  const admin = new Admin(client)
  const reading = new Admin(client)
  const members = new Set<GroupMember>()
  const producers = new Set<OpenProducer>()
  let isClosed = false
  /** Remembers the producer for the end, and forgets those that are given up. */
  const onOpen = (producer: OpenProducer) => {
    for (const each of producers) if (each.isDiscarded) producers.delete(each)
    producers.add(producer)
    if (isClosed) producer.discard()
  }
  const producerSettings: ProducerSettings = { ...client, transactionMs, compression, onOpen }
  return {
    name,
    admin,
    join: (group, topic, listener) => {
      const member = joinGroup(memberSettings, group, topic, listener)
      members.add(member)
      return Promise.resolve(keptMember(member, members))
    },
    producer: () => openProducer(producerSettings),
    transactional: (id) => openTransactional(producerSettings, id),
    read: (of, from, to) => readCommittedRecords(reading, of, from, to),
    close: async () => {
      isClosed = true
      await Promise.all([...members].map((member) => member.close()))
      for (const producer of producers) producer.discard()
      for (const each of [admin, reading]) each.close()
      await closeCredentials()
    },
  }
}

function keptMember(member: GroupMember, members: Set<GroupMember>): GroupMember {
  return {
    pause: (partitions) => member.pause(partitions),
    resume: (partitions) => member.resume(partitions),
    seek: (partition, offset) => member.seek(partition, offset),
    close: () => {
      members.delete(member)
      return member.close()
    },
  }
}

/** Takes an address apart. *Errors*: `ERR_CONFIG_KAFKA`. */
export function placeOf(address: string): Place {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match !== null && port > 0 && port < 65536) return { host: (match[1] ?? match[2])!, port }
  const message = `${JSON.stringify(address)} is no address of a broker: write HOST:PORT, a v6 address in brackets.`
  throw new ConfigError('ERR_CONFIG_KAFKA', message, { address })
}
