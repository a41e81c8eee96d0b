// When the client library is loaded: commands that do not speak to Kafka do not pay for it.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../../dist/kafka/', import.meta.url))

/** Runs a module that imports ours, and returns which of those packages it has loaded in the end. */
function loadedBy(text: string): string {
  const program = `${text}
    import { createRequire } from 'node:module'
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    const names = ['kafkajs', '@node-rs/crc32'].filter((name) => loaded.some((path) => path.includes('/' + name + '/')))
    process.stdout.write(names.join())`
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', cwd: dist })
}

test('the library is loaded with the first cluster, and not with our modules', () => {
  const imports = ['cluster', 'topics', 'sends', 'record-batches']
    .map((name) => `await import('./${name}.js');`)
    .join('')
  assert.equal(loadedBy(imports), '')
  const opens = `const { openCluster } = await import('./cluster.js'); await openCluster({ brokers: ['127.0.0.1:1'] });`
  assert.match(loadedBy(opens), /^kafkajs/)
})
