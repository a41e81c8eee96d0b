// The whole chain: HTTP → raw → filter → processed → archive, three processes of `weir serve` with one file of settings, as a
// small cluster runs them. Called by ../soak.ts.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeCredentials } from '../archive/store.ts'
import type { BenchmarkStore } from '../archive/store.ts'
import { weirCommand } from '../inputs.ts'
import type { Client } from '../kafka/client.ts'
import { filtersKeeping } from '../kafka/selections.ts'
import type { Target } from '../service/connection.ts'
import { freePort, startOwned } from '../service/processes.ts'
import type { Running } from '../service/processes.ts'
import { ask } from '../service/servers.ts'
import type { SoakOptions } from './options.ts'

/** The processes, in the order in which records pass them. */
export const roles = ['ingest', 'filter', 'archive'] as const
/** One of them. */
export type Role = (typeof roles)[number]

/** A process of the chain. */
export interface Link {
  readonly role: Role
  readonly running: Running
  /** Where its admin port is, as a URL without a slash at its end. */
  readonly admin: string
}

/** What a chain is made with. `folder`: an empty one of its own. */
export interface ChainTask {
  readonly client: Client
  readonly bootstrap: string
  readonly store: BenchmarkStore
  readonly folder: string
  readonly options: SoakOptions
}

/** A chain that runs. */
export interface Chain {
  readonly target: Target
  readonly settings: string
  readonly links: readonly Link[]
  /** *Errors*: where a process has ended, with its last words. */
  checkRunning(): void
  /** Has all end in order, those first that records pass first. */
  stop(): Promise<void>
}

/** Prefix of the archive in its bucket. */
export const prefix = 'soak'
/** The topic that is archived. */
const processed = 'processed'

/**
 * What the topics keep, so that hours fit onto a disk: minutes at the usual rate. What is deleted before it is archived would
 * be missed in the end.
 */
const retention = { 'retention.bytes': String(2 ** 31), 'segment.bytes': String(2 ** 27) }

/** Makes the topics, starts all processes, and resolves when each is ready. */
export async function startChain(task: ChainTask): Promise<Chain> {
  const { client, folder, options } = task
  for (const topic of ['raw', processed]) await client.createTopic(topic, options.partitions, retention)
  for (const topic of ['quarantine', 'dead-letter']) await client.createTopic(topic, options.partitions)
  const port = await freePort()
  const settings = join(folder, 'weir.json')
  writeFileSync(settings, JSON.stringify(settingsOf(task, port), undefined, 2))
  const links: Link[] = []
  const stop = async () => {
    for (const { running } of links) await running.stop()
  }
  try {
    for (const role of roles) links.push(await startLink(role, settings, folder))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...{ target: { host: '127.0.0.1', port, path: '/ingest' }, settings, links, stop },
    checkRunning: () => {
      for (const { role, running } of links)
        if (running.ending !== undefined) throw new Error(`${role}: ${running.ending}`)
    },
  }
}

async function startLink(role: Role, settings: string, folder: string): Promise<Link> {
  const adminPort = await freePort()
  const cwd = join(folder, role)
  mkdirSync(cwd)
  const args = ['serve', '--config', settings, '--only', role, '--set', `admin.listen=127.0.0.1:${adminPort}`]
  const running = startOwned(process.execPath, [weirCommand(), ...args], { cwd })
  const admin = `http://127.0.0.1:${adminPort}`
  try {
    await running.ready(async () => (await ask(`${admin}/readyz`)).status === 200, 120_000)
  } catch (error) {
    await running.stop()
    throw error
  }
  return { role, running, admin }
}

function settingsOf({ bootstrap, store, folder, options }: ChainTask, port: number): object {
  const { bucket, region, endpoint } = store
  const credentials = writeCredentials(store, folder)
  return {
    kafka: { brokers: [bootstrap], partitions: options.partitions, replicas: 1 },
    pipelines: {
      ingest: {
        source: { http: { listen: `127.0.0.1:${port}` } },
        routes: { keep: { kafka: { topic: 'raw' } } },
        deadLetter: { kafka: { topic: 'quarantine' } },
        validation: 'read',
      },
      filter: {
        source: { kafka: { topic: 'raw', group: 'filter' } },
        rules: { filters: filtersKeeping[options.kept] },
        routes: { keep: { kafka: { topic: processed } } },
        deadLetter: { kafka: { topic: 'dead-letter' } },
      },
      archive: {
        source: { kafka: { topic: processed, group: 'archive' } },
        routes: { keep: { s3: { bucket, prefix, region, endpoint, credentials } } },
      },
    },
    log: { level: 'warn' },
  }
}
