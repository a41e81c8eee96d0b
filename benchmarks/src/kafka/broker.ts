// The broker that contenders work with: Kafka as the service's tests start it, one node, as a process of its own. Knows how
// to run other programs of Kafka's jars, too. Called by ../kafka.ts, ../archive.ts, ../soak.ts and tests.

import type { Skipped } from '../contender.ts'
import { startServing } from '../service/serving.ts'
import type { Serving } from '../service/serving.ts'

/** A broker that runs. */
export interface BenchmarkBroker extends Serving {
  /** `host:port`. */
  readonly bootstrap: string
  /** Arguments of java before the name of a class of Kafka's. */
  readonly java: readonly string[]
}

/** Starts a broker that stores in a folder of its own below `folder`. Builds it first, where that was not done: a minute. */
export async function startBroker(folder: string): Promise<BenchmarkBroker | Skipped> {
  return startServing<Pick<BenchmarkBroker, 'bootstrap' | 'java'>>('kafka', folder)
}
