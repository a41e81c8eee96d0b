// The id of a topic, which a topic of the same name that is made anew does not have. The library speaks no version of
// Metadata that tells it, so that version is written and read here, as far as it is needed. Called by admin.ts. Source:
// Kafka's protocol guide, Metadata version 12, request header version 2, answer header version 1.

import { KafkaError } from '../errors.ts'

/** The version that is spoken; brokers have it since 3.1. */
const version = 12
const apiKey = 3
const idBytes = 16

/** What a broker says about a topic. */
export interface TopicIdAnswer {
  /** The protocol's number; 0: none. */
  readonly errorCode: number
  /** 22 characters, as Kafka's own tools have it. Undefined: the cluster gives topics no ids. */
  readonly id: string | undefined
  /** By what name the library knows how long a broker asks to be left alone. */
  readonly clientSideThrottleTime: number
}

/** The call as the library takes it. Of a broker that is too old, its `protocol` returns undefined. */
export const topicIdDefinition = {
  versions: [String(version)],
  protocol: (spoken: { readonly version: number }) => (spoken.version < version ? () => undefined : callOf),
}

function callOf({ topic }: { readonly topic: string }) {
  const buffer = encodeTopicId(topic)
  return {
    // What the library's encoder takes for one of its own.
    request: { apiKey, apiVersion: version, apiName: 'Metadata', encode: async () => ({ buf: buffer, buffer }) },
    response: {
      decode: async (payload: Buffer) => decodeTopicId(payload, topic),
      parse: async (answer: unknown) => answer,
    },
  }
}

/** Returns the request behind the part of its header that the library writes: its tags and its body. */
export function encodeTopicId(topic: string): Buffer {
  const name = Buffer.from(topic)
  const length = varint(name.length + 1)
  return Buffer.concat([
    // No tags of the header; one topic, asked for by name, so without an id; no tags.
    Buffer.from([0, 2]),
    Buffer.alloc(idBytes),
    length,
    name,
    Buffer.from([0]),
    // It is not to be made, and rights are not to be told; no tags.
    Buffer.from([0, 0, 0]),
  ])
}

/** Reads the answer behind its number. *Errors*: `ERR_KAFKA_ANSWER` where it is none about the topic. */
export function decodeTopicId(payload: Buffer, topic: string): TopicIdAnswer {
  try {
    const reader = new CompactReader(payload)
    reader.skipTags()
    const clientSideThrottleTime = reader.int32()
    reader.forEach(() => skipBroker(reader))
    reader.text()
    reader.int32()
    let found: TopicIdAnswer | undefined
    reader.forEach(() => {
      const errorCode = reader.int16()
      const name = reader.text()
      const id = reader.bytes(idBytes)
      if (name !== topic) throw new RangeError('another topic')
      found = { errorCode, id: id.every((byte) => byte === 0) ? undefined : id.toString('base64url'), clientSideThrottleTime } // prettier-ignore
      skipRestOfTopic(reader)
    })
    reader.skipTags()
    if (found !== undefined) return found
  } catch (cause) {
    throw malformed(topic, cause)
  }
  throw malformed(topic)
}

function malformed(topic: string, cause?: unknown): KafkaError {
  return new KafkaError('ERR_KAFKA_ANSWER', `The answer of a broker holds nothing about ${topic}.`, { cause })
}

function skipBroker(reader: CompactReader): void {
  reader.int32()
  reader.text()
  reader.int32()
  reader.text()
  reader.skipTags()
}

function skipRestOfTopic(reader: CompactReader): void {
  const [isInternalBytes, partitionBytes] = [1, 2 + 4 + 4 + 4]
  reader.bytes(isInternalBytes)
  reader.forEach(() => {
    reader.bytes(partitionBytes)
    // Replicas, those in sync, those that are away.
    for (let list = 0; list < 3; list++) reader.forEach(() => reader.int32())
    reader.skipTags()
  })
  reader.int32()
  reader.skipTags()
}

/** Reads what flexible versions of the protocol write: lengths as varints, one more than they are, and tags. */
class CompactReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** *Errors*: `RangeError` where there are fewer. */
  bytes(length: number): Buffer {
    const from = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('cut off')
    return this.#bytes.subarray(from, this.#at)
  }

  int16(): number {
    return this.bytes(2).readInt16BE()
  }

  int32(): number {
    return this.bytes(4).readInt32BE()
  }

  /** Null, which has the length 0, is told as empty. */
  text(): string {
    return this.bytes(Math.max(0, this.#varint() - 1)).toString()
  }

  forEach(read: () => void): void {
    for (let left = this.#varint() - 1; left > 0; left--) read()
  }

  skipTags(): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint()
      this.bytes(this.#varint())
    }
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.bytes(1)[0]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a varint that is too long')
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}
