// Opens stores of the test servers, with their keys in a file of their own, closed after the test, and holds their time limits
// where a test says when they pass. Called by tests.

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'

import type { ObjectStore } from '#src/ports/object-store.js'
import { openStore } from '#src/s3/store.js'
import type { StoreOptions } from '#src/s3/store.js'
import { folder } from '../running.js'
import { credentialsText } from '../servers/s3/server.js'
import type { S3Server } from '../servers/s3/server.js'

/** Opens the bucket `logs` of a server, unless the options say otherwise. */
export async function open(
  t: TestContext,
  server: S3Server,
  options: Partial<StoreOptions> = {},
): Promise<ObjectStore> {
  const credentials = path.join(await folder(t), 'credentials')
  await writeFile(credentials, credentialsText(server))
  const { endpoint, region } = server
  const store = await openStore({ bucket: 'logs', endpoint, region, credentials, requestMs: 20_000, ...options })
  t.after(() => store.close())
  return store
}

/** Options for a store that makes no pauses between attempts; its time limits are as they are, where they are longer. */
export const withoutPauses: Partial<StoreOptions> = {
  startTimer: (ms, run) => {
    const timer = setTimeout(run, ms <= 2000 ? 0 : ms)
    return () => clearTimeout(timer)
  },
  // Which is a timer too.
  pollMs: 3_600_000,
}

const heldMs = 60_000

/** Time limits of calls that pass when the test says so, however long a call takes; pauses between attempts pass at once. */
export class HeldLimits {
  /** For the store. */
  readonly options: Partial<StoreOptions>
  readonly #held = new Set<() => void>()
  #started = 0

  constructor() {
    const startTimer: StoreOptions['startTimer'] = (ms, run) => {
      if (ms !== heldMs) return withoutPauses.startTimer!(ms, run)
      this.#started++
      this.#held.add(run)
      return () => void this.#held.delete(run)
    }
    this.options = { ...withoutPauses, requestMs: heldMs, startTimer }
  }

  /** How many have begun. */
  get started(): number {
    return this.#started
  }

  /** Resolves as the work does; meanwhile every limit passes, as soon as `isDue`. */
  async passDuring<T>(work: Promise<T>, isDue: () => boolean): Promise<T> {
    const isDone = () => true
    const done = work.then(isDone, isDone)
    while ((await Promise.race([done, turns()])) !== true) {
      if (!isDue()) continue
      // What was sent by then is to have come.
      await turns()
      for (const run of [...this.#held]) run()
    }
    return work
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
