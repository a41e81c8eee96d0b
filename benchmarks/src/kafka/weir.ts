// `weir serve` between two topics, as contenders: exactly once, and at least once. Settings are those that it has by itself.
// Called by contenders.ts.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { weirCommand } from '../inputs.ts'
import type { Delivery, KafkaContender, KafkaTask } from './contender.ts'

function weir(delivery: Delivery): KafkaContender {
  return {
    id: `weir-${delivery}`,
    label: `weir serve, ${delivery.replaceAll('-', ' ')}`,
    forms: ['chunks', 'lines'],
    delivery,
    start: (task) => {
      const settings = join(task.folder, 'weir.json')
      writeFileSync(settings, JSON.stringify(settingsOf(task, delivery), undefined, 2))
      return { command: [process.execPath, weirCommand(), 'serve', '--config', settings] }
    },
  }
}

/** Returns the settings file of a task. */
export function settingsOf(task: KafkaTask, delivery: Delivery): object {
  const { bootstrap, group, input, output, partitions, form, filters } = task
  return {
    kafka: { brokers: [bootstrap], partitions, replicas: 1 },
    pipelines: {
      bench: {
        source: { kafka: { topic: input, group } },
        rules: { filters },
        routes: { keep: { kafka: { topic: output, format: form } } },
        deadLetter: { kafka: { topic: `${output}-dead-letter` } },
        delivery,
      },
    },
    admin: { listen: 'none' },
    log: { level: 'warn' },
  }
}

/** As it is by itself. */
export const weirExactlyOnce = weir('exactly-once')

/** Both, the stronger promise first. */
export const weirContenders: readonly KafkaContender[] = [weirExactlyOnce, weir('at-least-once')]
