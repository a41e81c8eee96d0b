// An object store in memory, behind the port: one bucket, and probes that have any call fail before it takes effect, after
// it, or never be answered. Judges the archive and the sink where no store is needed.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { S3Error } from '#src/errors.js'
import type { ListedObject, NewObject, ObjectStore, StoredObject } from '#src/ports/object-store.js'

/** What is called. */
export type StoreCall = 'create' | 'overwrite' | 'head' | 'list' | 'read' | 'probe'

/**
 * What becomes of a call. `busy`: it fails and has no effect; `unanswered`: it takes effect, and fails for want of an answer;
 * `twice`: it takes effect, its answer is lost, and the attempt that follows is answered, as a create with `exists`; an error:
 * it fails with that, and has no effect. A promise: it is not known before that settles.
 */
export type StoreFate = 'done' | 'busy' | 'unanswered' | 'twice' | Error

/** An object as it lies in the bucket. */
export interface MemoryObject {
  readonly bytes: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly contentType: string
  readonly modifiedMs: number
}

/** One bucket. */
export class MemoryStore implements ObjectStore {
  readonly name = 's3://memory'
  /** By key; tests may put there, and take away, what they like. */
  readonly objects = new Map<string, MemoryObject>()
  /** What was called, in the order of the calls: `create KEY`. */
  readonly calls: string[] = []
  /** Asked at each call. */
  fateOf: (call: StoreCall, key: string) => StoreFate | Promise<StoreFate> = () => 'done'
  /** Whether creates leave an object alone that is there. */
  obeysConditions = true
  isClosed = false
  /** The store's clock. */
  clock: () => number = () => 0

  /** Keys in the order of their bytes. */
  get keys(): string[] {
    return [...this.objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  create(object: NewObject): Promise<'written' | 'exists'> {
    return this.call('create', object.key, () => this.put(object, this.obeysConditions))
  }

  async overwrite(object: NewObject): Promise<void> {
    await this.call('overwrite', object.key, () => this.put(object, false))
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.call('head', key, () => {
      const object = this.objects.get(key)
      return object && { key, bytes: object.bytes.length, metadata: object.metadata, modifiedMs: object.modifiedMs }
    })
  }

  async *list(prefix: string, after = ''): AsyncIterable<ListedObject> {
    const keys = await this.call('list', prefix, () => this.keys)
    for (const key of keys) {
      const object = this.objects.get(key)
      const isBehind = Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0
      if (object === undefined || !key.startsWith(prefix) || !isBehind) continue
      yield { key, bytes: object.bytes.length, modifiedMs: object.modifiedMs }
    }
  }

  read(key: string): Promise<Readable> {
    return this.call('read', key, () => {
      const object = this.objects.get(key)
      if (object === undefined) throw new S3Error('ERR_S3_REQUEST', `There is no object ${key} in ${this.name}.`)
      return Readable.from([object.bytes], { objectMode: false })
    })
  }

  probe(key: string): Promise<boolean> {
    return this.call('probe', key, () => {
      this.objects.set(key, { bytes: Buffer.alloc(0), metadata: {}, contentType: '', modifiedMs: this.clock() })
      return this.obeysConditions
    })
  }

  close(): void {
    this.isClosed = true
  }

  private async put(object: NewObject, isConditional: boolean): Promise<'written' | 'exists'> {
    const { key, body, metadata, contentType } = object
    // As an attempt that was given up half-way, and the one that follows it.
    body.read().destroy()
    const bytes = await buffer(body.read())
    assert.equal(bytes.length, body.bytes, `the body of ${key} is not as long as it says`)
    for (const [name, value] of Object.entries(metadata)) assert.match(`${name}=${value}`, /^[a-z0-9-]+=[ -~]*$/)
    if (isConditional && this.objects.has(key)) return 'exists'
    this.objects.set(key, { bytes, metadata: { ...metadata }, contentType, modifiedMs: this.clock() })
    return 'written'
  }

  private async call<T>(call: StoreCall, key: string, effect: () => T | Promise<T>): Promise<T> {
    this.calls.push(`${call} ${key}`)
    const fate = await this.fateOf(call, key)
    if (this.isClosed) throw new S3Error('ERR_S3_CONNECT', `${this.name} is closed.`, { retryable: true })
    if (fate instanceof Error) throw fate
    if (fate === 'busy') throw new S3Error('ERR_S3_BUSY', `${this.name} is busy.`, { retryable: true })
    const result = await effect()
    if (fate === 'unanswered') throw new S3Error('ERR_S3_TIMEOUT', `${this.name} did not answer.`, { retryable: true })
    return fate === 'twice' ? effect() : result
  }
}
