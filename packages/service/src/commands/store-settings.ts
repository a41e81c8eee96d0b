// What of an output's settings is the store's. Called by serve-s3.ts and archive.ts.

import type { S3SinkSettings } from '../config/schema.ts'
import type { StoreOptions } from '../s3/store.ts'

/** Returns what a store is opened with, as far as settings say it. */
export function storeSettings({
  bucket,
  region,
  endpoint,
  pathStyle,
  credentials,
  requestMs,
}: S3SinkSettings): StoreOptions {
  return {
    ...{ bucket, region, requestMs },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}
