// Loads the client library, mended, when Kafka is first used. The library loads parts of itself as late as with the first
// request of a kind, so the mended parts stay in Node's cache of modules, for the whole process. The only file that loads
// kafkajs. Called by client.ts.

import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'

import type * as kafkajs from 'kafkajs'
import { KafkaError } from '../errors.ts'
import { mends } from './mends.ts'
import type { MendName } from './mends.ts'

const require = createRequire(import.meta.url)

/** The version whose parts the mends replace. */
const mendedVersion = '2.2.4'

/** The library: its public face, and the parts of it that are used directly. */
export interface Library {
  readonly kafkajs: typeof kafkajs
  /** Loads a module below the library's folder `src`. */
  part(path: string): unknown
}

/** What `loadLibrary` can be told, for tests. */
export interface LibraryOptions {
  /** Default: all. */
  readonly mends?: readonly MendName[]
  /** The library's package.json. Default: the one that is installed. */
  readonly manifest?: string
}

let loaded: Library | undefined

/** Returns the mended library, the same at every call. *Errors*: `ERR_KAFKA_LIBRARY`. */
export function library(): Library {
  return (loaded ??= loadLibrary())
}

/** Loads the library anew. *Errors*: `ERR_KAFKA_LIBRARY`. */
export function loadLibrary(options: LibraryOptions = {}): Library {
  const manifest = options.manifest ?? manifestPath()
  const { version } = require(manifest) as { version: string }
  if (version !== mendedVersion) {
    const message = `kafkajs ${version} is installed at ${dirname(manifest)}, and ${mendedVersion} is needed: others are not mended.`
    throw new KafkaError('ERR_KAFKA_LIBRARY', message, { details: { version, needed: mendedVersion } })
  }
  const root = dirname(manifest) + sep
  // Parts that were loaded as they are would stay so.
  for (const path of Object.keys(require.cache)) if (path.startsWith(root)) delete require.cache[path]
  const pathOf = (path: string) => require.resolve(join(root, 'src', path))
  const part = (path: string): unknown => require(pathOf(path))
  const replace = (path: string, by: unknown) => {
    part(path)
    require.cache[pathOf(path)]!.exports = by
  }
  for (const name of options.mends ?? (Object.keys(mends) as MendName[])) mends[name]({ load: part, replace })
  return { kafkajs: require(root) as typeof kafkajs, part }
}

function manifestPath(): string {
  try {
    return require.resolve('kafkajs/package.json')
  } catch (cause) {
    throw new KafkaError('ERR_KAFKA_LIBRARY', 'kafkajs is not installed.', { cause })
  }
}
