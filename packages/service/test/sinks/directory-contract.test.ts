// The suite of all sinks, on folders.

import path from 'node:path'

import { testSink } from '../contract/sink.js'
import { folder } from '../running.js'
import { contentOf, openFolder } from './folders.js'

for (const compression of ['none', 'gzip'] as const) {
  for (const maxFileBytes of [1 << 30, 50_000]) {
    testSink(`directory, ${compression}, files of ${maxFileBytes} bytes`, async (t) => {
      const directory = path.join(await folder(t), 'out', 'logs')
      return {
        sink: await openFolder(directory, { compression, maxFileBytes }),
        arrived: () => contentOf(directory),
        canTakeBack: true,
      }
    })
  }
}
