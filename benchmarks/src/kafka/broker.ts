// The broker that contenders work with: Kafka as the service's tests start it, one node, as a process of its own. Knows how
// to run other programs of Kafka's jars, too. Called by ../kafka.ts and tests.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Skipped } from '../contender.ts'

/** A broker that runs. */
export interface BenchmarkBroker {
  /** `host:port`. */
  readonly bootstrap: string
  /** Arguments of java before the name of a class of Kafka's. */
  readonly java: readonly string[]
  /** Of the process that has the broker as its child. */
  readonly pid: number
  /** Ends it, and removes what it stored. */
  close(): Promise<void>
}

/** Starts a broker that stores in a folder of its own below `folder`. Builds it first, where that was not done: a minute. */
export async function startBroker(folder: string): Promise<BenchmarkBroker | Skipped> {
  const manifest = createRequire(import.meta.url).resolve('@weir/service/package.json')
  const script = join(dirname(manifest), 'dist-test/servers/kafka/serving.js')
  const child = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(([code]) => Promise.reject(new Error(`${script} ended with ${code}.`))),
  ])) as [string]
  const close = async () => {
    child.stdin.end()
    await closed
  }
  const told = JSON.parse(line) as { fault: string } | Pick<BenchmarkBroker, 'bootstrap' | 'java'>
  if ('fault' in told) {
    await close()
    return { skipped: told.fault }
  }
  return { ...told, pid: child.pid!, close }
}
