// Has Kafka ready for the tests: builds it where Java and Maven are, once for all test files, which run at the same time.
// What is missing is a printed skip, and a failure where WEIR_REQUIRE names `kafka`. Called by tests and broker.ts.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL, fileURLToPath } from 'node:url'

import { skipWithout } from '../../required.ts'
import { takePorts } from '../ports.ts'
import { KafkaNode } from './node.ts'
import { buildPrograms, findPrograms } from './programs.ts'
import type { Programs } from './programs.ts'
import { nodeSettings } from './settings.ts'

const lockModule = fileURLToPath(new URL('../../../../engine/native/build.mjs', import.meta.url))

let found: Promise<Programs | { readonly fault: string }> | undefined

/** What to give node:test as `skip` for a test that needs a broker. The first to ask waits until Kafka is built. */
export async function skipWithoutKafka(): Promise<string | false> {
  const fault = await whyNoKafka()
  return skipWithout('kafka', fault === undefined, fault ?? '')
}

/** Resolves with what to do where there are no programs. */
export async function whyNoKafka(): Promise<string | undefined> {
  found ??= install()
  const programs = await found
  return 'fault' in programs ? programs.fault : undefined
}

/** The programs. *Errors*: where `skipWithoutKafka()` says that there are none. */
export async function kafkaPrograms(): Promise<Programs> {
  found ??= install()
  const programs = await found
  if ('fault' in programs) throw new Error(`There is no Kafka here: ${programs.fault}`)
  return programs
}

async function install(): Promise<Programs | { readonly fault: string }> {
  const programs = findPrograms()
  if ('fault' in programs) return programs
  const stamp = path.join(programs.folder, 'built')
  if (existsSync(stamp)) return programs
  const { takeLock } = (await import(pathToFileURL(lockModule).href)) as { takeLock: (path: string) => () => void }
  const release = takeLock(path.join(path.dirname(programs.folder), 'kafka.lock'))
  try {
    if (existsSync(stamp)) return programs
    const fault = buildPrograms(programs)
    if (fault !== undefined) {
      rmSync(programs.folder, { recursive: true, force: true })
      return { fault }
    }
    await writeArchive(programs)
    writeFileSync(stamp, '')
    return programs
  } finally {
    release()
  }
}

/** Has a node write down the classes that it has loaded when it ends. */
async function writeArchive(programs: Programs): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weir-kafka-'))
  const block = await takePorts(3)
  const [port, innerPort, controllerPort] = block.ports as [number, number, number]
  const settings = nodeSettings({ id: 1, port, innerPort, controllerPort, voters: [[1, controllerPort]] })
  const javaOptions = [`-XX:ArchiveClassesAtExit=${programs.archive}`]
  const node = new KafkaNode({ programs, folder, port: innerPort, settings, javaOptions })
  try {
    await node.start()
    await node.stop()
  } finally {
    await node.kill()
    block.release()
    await rm(folder, { recursive: true, force: true })
  }
}
