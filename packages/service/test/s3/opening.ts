// Opens stores of the test servers, with their keys in a file of their own, closed after the test. Called by tests.

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
