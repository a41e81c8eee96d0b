// The port of an object store: create-only writes, looks, lists and reads, in types of our own. Types only: the
// implementation on the AWS SDK is in ../s3, the callers are ../sinks, ../pipeline, ../archive and ../commands. Nothing of
// a client library shows here.

import type { Readable } from 'node:stream'

/** What an object carries besides its bytes: lower-case names, printable ASCII values. */
export type ObjectMetadata = Readonly<Record<string, string>>

/** The bytes of an object to be written. They are the same at every `read()`. */
export interface ObjectBody {
  readonly bytes: number
  /**
   * Returns them from the start. Called once for each attempt, and once before where calls are signed with their bodies; each
   * stream is read to its end or destroyed.
   */
  read(): Readable
}

/** An object to be written. */
export interface NewObject {
  readonly key: string
  readonly body: ObjectBody
  readonly metadata: ObjectMetadata
  readonly contentType: string
}

/** What is known of an object without reading it. */
export interface StoredObject {
  readonly key: string
  readonly bytes: number
  readonly metadata: ObjectMetadata
  /** Milliseconds since 1970, by the store's clock. */
  readonly modifiedMs: number
}

/** An object in a list. */
export type ListedObject = Omit<StoredObject, 'metadata'>

/**
 * One bucket. Each call is tried three times, where that can help, each time within a time limit.
 * *Errors*: `S3Error`. `retryable`: the same call may succeed later, whether by itself or when somebody has mended something.
 */
export interface ObjectStore {
  /** What messages call it: `s3://BUCKET at ENDPOINT`. */
  readonly name: string
  /**
   * Writes the object if there is none with its key, and else leaves it. `exists` may be an object that this very call has
   * written: the answer to an earlier attempt may have been lost.
   */
  create(object: NewObject): Promise<'written' | 'exists'>
  /** Writes the object, over one that is there. Only where the store ignores conditions, and a look has found none. */
  overwrite(object: NewObject): Promise<void>
  /** Undefined: there is none. */
  head(key: string): Promise<StoredObject | undefined>
  /** Objects whose key begins with `prefix`, in order of their keys' bytes; `after`: only those behind this key. */
  list(prefix: string, after?: string): AsyncIterable<ListedObject>
  /** The bytes as they are stored. *Errors*: also by the stream. */
  read(key: string): Promise<Readable>
  /**
   * Finds out whether the store obeys create-only writes, by writing one key twice; the object stays. Resolves with false
   * where the second write is not refused.
   */
  probe(key: string): Promise<boolean>
  /** Ends all connections. Never throws. */
  close(): void
}
