// The settings of an output in S3: a part of schema.ts, its only caller.

import { choice, count, endpoint, file, flag, folder, group, size, text, time, withDefault } from './fields.ts'

const mib = 1 << 20
const gib = 1 << 30
const hour = 3_600_000

/** What S3 itself allows as the name of a bucket. */
const bucketName = {
  pattern: /^(?![0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  words: 'the name of a bucket: 3 to 63 lower-case letters, digits, `.` and `-`, a letter or digit first and last',
} as const

/** Leaves room for the rest of a name, of which there are 1,024 bytes. Stores on a file system have no empty names, `.` or `..`. */
const objectPrefix = {
  pattern: /^(?!(.*\/)?\.{1,2}(\/|$))(?!.*[^/]\/{2,}[^/])[A-Za-z0-9!_.*'()=+@:,/-]{0,500}$/,
  words:
    "a path, as logs/web/: at most 500 letters, digits, `/` and any of !_.*'()=+@:,-, without `//`, and without `.` and `..` as names",
} as const

/** Settings of an output in a bucket. */
export const s3 = group('Objects in a bucket of S3, or of a store that speaks as it does.', {
  bucket: text('The bucket. It is there already.', bucketName.pattern, bucketName.words),
  prefix: withDefault(
    text(
      'What the names of objects begin with, as a folder. No other output may lie in it.',
      objectPrefix.pattern,
      objectPrefix.words,
    ),
    '',
  ),
  region: withDefault(
    text('The region that requests are signed for.', /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'the name of a region, as eu-central-1'), // prettier-ignore
    'us-east-1',
  ),
  endpoint: endpoint('Where the store is. Absent: where AWS has the region.').optional(),
  pathStyle: flag(
    'Whether the bucket stands in the path of requests, not before the host. Absent: `true` with an `endpoint`, else `false`.',
  ).optional(),
  credentials: file(
    "The access key: a file as AWS has it, or JSON, read again when it changes. Absent: what AWS's own programs take, as the environment and roles.",
    { isSecret: true },
  ).optional(),
  compression: withDefault(choice('How objects are compressed.', ['gzip', 'none']), 'gzip'),
  level: withDefault(count('How hard: less takes less time, more takes less room.', { least: 1, most: 9 }), 4),
  maxObjectBytes: withDefault(
    size('Bytes of records from which an object is closed, before they are compressed.', { least: mib, most: gib }),
    64 * mib,
  ),
  maxObjectRecords: withDefault(
    count('Records from which an object is closed.', { least: 1, most: 100_000_000 }),
    1_000_000,
  ),
  periodMs: withDefault(
    time('Of an archive: an object holds records of one such span of broker time, counted from 1970.', {
      least: 1000,
      most: hour,
    }),
    60_000,
  ),
  idleMs: withDefault(
    time('Of an archive: time from the end of its span until an object is closed, though nothing comes.', {
      least: 1000,
      most: 30_000,
    }),
    20_000,
  ),
  maxWaitMs: withDefault(
    time('Of other pipelines: time that records may wait for their object to fill.', { least: 0, most: 10_000 }),
    1000,
  ),
  requestMs: withDefault(time('Time that one call to the store may take.', { least: 1000, most: 600_000 }), 30_000),
  memoryBytes: withDefault(
    size('Most memory that objects take until they are stored, over all partitions; then objects end early.', {
      least: mib,
      most: 8 * gib,
    }),
    64 * mib,
  ),
  spool: group('Where objects grow that are larger than 8 MiB.', {
    folder: folder('The folder. No output may lie in it.'),
    maxBytes: withDefault(size('Most bytes there.', { least: mib, most: 1024 * gib }), gib),
  }).optional(),
})
