// What all object stores of the tests have in common: where one listens, and with which keys. Called by versitygw.ts,
// radosgw.ts, stores.ts, fake-s3.ts and whoever asks them.

/** Where a store listens, and what it takes. */
export interface S3Server {
  /** `http://127.0.0.1:PORT`. Buckets are folders of its paths. */
  readonly endpoint: string
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
}

/** A store whose process a test may end and start again. */
export interface RunningStore extends S3Server {
  /** Ends the process that clients speak to, at once. */
  kill(): Promise<void>
  /** Starts it again on the same port, with the objects that it had. Resolves when it answers. */
  start(): Promise<void>
}

/** Whether a store's process may be ended: of a store that a script plays there is none. */
export function isRunningStore(store: S3Server): store is RunningStore {
  return 'kill' in store && 'start' in store
}

/** The keys of every store of the tests. */
export const testKeys = { region: 'us-east-1', accessKey: 'test', secretKey: 'testsecret' } as const

/** Returns a file of credentials as the service reads it. */
export function credentialsText({ accessKey, secretKey }: Pick<S3Server, 'accessKey' | 'secretKey'>): string {
  return `[default]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`
}
