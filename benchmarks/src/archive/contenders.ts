// All contenders from a topic to a bucket: `weir serve` with the settings that it has by itself, and an archiver as it is
// often written (node-archiver.ts). Called by options.ts and the cases.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weirCommand } from '../inputs.ts'
import type { ArchiveContender, ArchiveTask } from './contender.ts'
import { listArchives } from './listing.ts'
import { writeCredentials } from './store.ts'

/** Name of the pipeline in its settings. */
const pipeline = 'archive'

/** `weir serve` as an archive. */
export const weirArchive: ArchiveContender = {
  id: 'weir',
  label: 'weir serve',
  delivery: 'exactly-once',
  takesAll: true,
  list: (folder) => listArchives(settingsIn(folder)),
  start: (task) => {
    const settings = settingsIn(task.folder)
    writeFileSync(settings, JSON.stringify(settingsOf(task), undefined, 2))
    return { command: [process.execPath, weirCommand(), 'serve', '--config', settings, '--only', pipeline] }
  },
}

function settingsIn(folder: string): string {
  return join(folder, 'weir.json')
}

function settingsOf(task: ArchiveTask): object {
  const { bootstrap, group, topic, partitions, store, prefix, folder, level, maxObjectBytes, hasSpool } = task
  const { bucket, region, endpoint } = store
  const spool = join(folder, 'spool')
  if (hasSpool) mkdirSync(spool)
  const s3 = {
    ...{ bucket, prefix, region, endpoint, credentials: writeCredentials(store, folder) },
    ...(level === 0 ? { compression: 'none' } : { level }),
    ...(hasSpool ? { spool: { folder: spool } } : {}),
    maxObjectBytes,
  }
  return {
    kafka: { brokers: [bootstrap], partitions, replicas: 1 },
    pipelines: { [pipeline]: { source: { kafka: { topic, group } }, routes: { keep: { s3 } } } },
    admin: { listen: 'none' },
    log: { level: 'warn' },
  }
}

/** A consumer that collects, compresses, writes and commits, as one is written in an afternoon. */
const nodeArchiver: ArchiveContender = {
  id: 'node-archiver',
  label: 'Node: kafkajs, zlib, PutObject',
  delivery: 'at-least-once',
  takesAll: false,
  start: ({ store, folder: _folder, hasSpool: _hasSpool, ...task }) => {
    const { bucket, region, endpoint, accessKey, secretKey } = store
    const script = fileURLToPath(new URL('./node-archiver.js', import.meta.url))
    const environment = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }
    return { command: [process.execPath, script, JSON.stringify({ ...task, bucket, region, endpoint })], environment }
  },
}

/** Weir first. */
export const archiveContenders: readonly ArchiveContender[] = [weirArchive, nodeArchiver]
