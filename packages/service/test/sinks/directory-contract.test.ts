// The suites of all sinks, on folders; and on the sink that measures another one, which hands everything through.

import path from 'node:path'
import type { TestContext } from 'node:test'

import { createMetrics } from '#src/metrics.js'
import { measuredSink } from '#src/pipeline/measured-sink.js'
import type { Sink } from '#src/ports/sink.js'
import type { DirectorySinkOptions, DirectoryStep } from '#src/sinks/directory.js'
import { testFailingSink, testSink } from '../contract/sink.js'
import type { SinkUnderTest } from '../contract/sink.js'
import { folder } from '../running.js'
import { contentOf, journalLines, openFolder } from './folders.js'

async function underTest(
  t: TestContext,
  options: Partial<DirectorySinkOptions>,
  atStep: (step: DirectoryStep) => void = () => undefined,
): Promise<SinkUnderTest & { readonly reopen: () => Promise<Sink> }> {
  const directory = path.join(await folder(t), 'out', 'logs')
  return {
    sink: await openFolder(directory, { ...options, atStep }),
    reopen: () => openFolder(directory, options),
    arrived: () => contentOf(directory),
    canTakeBack: true,
    versions: async () => {
      const named = (await journalLines(directory)).flatMap((line) => line['versions'] as string[])
      return [...new Set(named)]
    },
  }
}

/** The sink with everything that is asked of it counted. */
function measured(t: TestContext, under: SinkUnderTest): SinkUnderTest {
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const measuring = { metrics: metrics.pipeline('web'), label: 'keep', now: () => 0 }
  return { ...under, sink: measuredSink(under.sink, measuring) }
}

const failures: readonly (readonly [at: DirectoryStep, mayCount: boolean])[] = [
  ['written', false],
  ['data synced', false],
  ['journal written', true],
  ['journal synced', true],
]

for (const compression of ['none', 'gzip'] as const) {
  for (const maxFileBytes of [1 << 30, 50_000]) {
    testSink(`directory, ${compression}, files of ${maxFileBytes} bytes`, (t) =>
      underTest(t, { compression, maxFileBytes }),
    )
  }
  testSink(`measured directory, ${compression}`, async (t) => measured(t, await underTest(t, { compression })))

  for (const [step, mayCount] of failures) {
    testFailingSink(`directory, ${compression}, no room at the step '${step}'`, async (t) => {
      let isFull = false
      const atStep = (at: DirectoryStep) => {
        if (isFull && at === step) throw Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 })
      }
      const under = await underTest(t, { compression }, atStep)
      return { ...under, mayCount, harm: () => void (isFull = true) }
    })
  }
}
