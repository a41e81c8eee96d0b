// What an archived object says of itself: the metadata that it carries. Called by ../pipeline, ../sinks and ../archive.

/** What an archived object holds, and where it comes from. */
export interface Manifest {
  readonly topic: string
  readonly partition: number
  /**
   * Id of the cluster, and of the topic: a topic that is made anew has offsets that mean other records. The latter is empty
   * where brokers were too old to tell.
   */
  readonly clusterId: string
  readonly topicId: string
  /** The offset that the group stood at when the object was begun: behind the object before. */
  readonly from: bigint
  /** Offsets of the first and last record in it. */
  readonly first: bigint
  readonly last: bigint
  /** Records: lines. */
  readonly count: number
  /** Bytes of the lines, and their SHA-256 in hexadecimal: not of what they are compressed to, which differs by version. */
  readonly rawBytes: number
  readonly sha256: string
  /** Times of the first and last record, in milliseconds since 1970. */
  readonly firstMs: number
  readonly lastMs: number
  /** Versions of the rule sets that judged the records, in the order in which they come; at most `mostVersions`. */
  readonly versions: readonly string[]
  /** How many more there are. */
  readonly moreVersions: number
}

/** Versions of rule sets that a manifest lists. */
export const mostVersions = 16

/** Of the metadata; raised when they change in a way that readers have to know. */
const format = '1'

const decimal = /^(0|[1-9]\d{0,18})$/
/** Times are the producers', where the topic has it so: also before 1970. */
const time = /^-?\d{1,19}$/

/** Returns the metadata: names without the `x-amz-meta-` that stores put before them. */
export function manifestMetadata(manifest: Manifest): Record<string, string> {
  const { topic, partition, clusterId, topicId, from, first, last, count, rawBytes, sha256 } = manifest
  const all = {
    'weir-format': format,
    'weir-topic': topic,
    'weir-partition': String(partition),
    'weir-cluster': clusterId,
    'weir-topic-id': topicId,
    'weir-from': String(from),
    'weir-first': String(first),
    'weir-last': String(last),
    'weir-count': String(count),
    'weir-bytes': String(rawBytes),
    'weir-sha256': sha256,
    'weir-first-ms': String(manifest.firstMs),
    'weir-last-ms': String(manifest.lastMs),
    'weir-rules': manifest.versions.join(' '),
    'weir-rules-more': String(manifest.moreVersions),
  }
  return withValues(all)
}

/** What an object holds whose records come from no log. */
export interface DirectManifest extends Pick<Manifest, 'count' | 'rawBytes' | 'sha256' | 'versions' | 'moreVersions'> {
  readonly pipeline: string
}

/** Returns the metadata of an object that is none of an archive. */
export function directMetadata({ pipeline, ...manifest }: DirectManifest): Record<string, string> {
  return withValues({
    'weir-format': format,
    'weir-pipeline': pipeline,
    'weir-count': String(manifest.count),
    'weir-bytes': String(manifest.rawBytes),
    'weir-sha256': manifest.sha256,
    'weir-rules': manifest.versions.join(' '),
    'weir-rules-more': String(manifest.moreVersions),
  })
}

/** Returns the manifest of an object that is none of an archive, or undefined where metadata hold none that is understood. */
export function readDirectManifest(metadata: Readonly<Record<string, string>>): DirectManifest | undefined {
  const text = (name: string) => metadata[`weir-${name}`] ?? ''
  const isWhole = ['count', 'bytes', 'rules-more'].every((name) => decimal.test(text(name)))
  if (text('format') !== format || !isWhole || !/^[0-9a-f]{64}$/.test(text('sha256'))) return undefined
  if (text('pipeline') === '' || text('topic') !== '') return undefined
  return {
    pipeline: text('pipeline'),
    count: Number(text('count')),
    rawBytes: Number(text('bytes')),
    sha256: text('sha256'),
    versions: text('rules') === '' ? [] : text('rules').split(' '),
    moreVersions: Number(text('rules-more')),
  }
}

/** Headers without a value do not survive every store. */
function withValues(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== ''))
}

/** Returns the manifest in metadata, or undefined where they hold none that is understood: the object is somebody else's. */
export function readManifest(metadata: Readonly<Record<string, string>>): Manifest | undefined {
  const text = (name: string) => metadata[`weir-${name}`] ?? ''
  const numbers = ['partition', 'from', 'first', 'last', 'count', 'bytes', 'rules-more']
  if (text('format') !== format || !numbers.every((name) => decimal.test(text(name)))) return undefined
  if (!['first-ms', 'last-ms'].every((name) => time.test(text(name)))) return undefined
  if (!/^[0-9a-f]{64}$/.test(text('sha256')) || text('topic') === '') return undefined
  const [first, last] = [BigInt(text('first')), BigInt(text('last'))]
  if (last < first) return undefined
  return {
    topic: text('topic'),
    partition: Number(text('partition')),
    clusterId: text('cluster'),
    topicId: text('topic-id'),
    from: BigInt(text('from')),
    first,
    last,
    count: Number(text('count')),
    rawBytes: Number(text('bytes')),
    sha256: text('sha256'),
    firstMs: Number(text('first-ms')),
    lastMs: Number(text('last-ms')),
    versions: text('rules') === '' ? [] : text('rules').split(' '),
    moreVersions: Number(text('rules-more')),
  }
}
