// Runs an http source in a process with few descriptors, and says where it listens. With `eaten` as its argument it opens
// files until there is hardly any descriptor left, which the source does not know of. Ends with its standard input.
// Called by http-descriptors.test.ts.

import { openSync, closeSync } from 'node:fs'

import { ByteBudget } from '#src/sources/byte-budget.js'
import { openHttpSource } from '#src/sources/http.js'

const source = await openHttpSource({
  name: 'test',
  listen: { host: '127.0.0.1', port: 0 },
  budget: new ByteBudget(1 << 20),
  quarantine: async () => true,
})
void (async () => {
  for await (const { position } of source.values() as AsyncIterable<{ position: number }>) await source.commit(position)
})()
if (process.argv[2] === 'eaten') {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    for (const fd of taken.splice(-5)) closeSync(fd)
  }
}
process.stdin.on('end', () => process.exit(0)).resume()
process.stdout.write(`${source.address.port}\n`)
