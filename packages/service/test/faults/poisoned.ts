// Loads the poison into what a test starts. Called by tests.

import type { TestContext } from 'node:test'

/** The options of Node with which threads and processes fail on poisonous records. */
export const poisonOptions = `--import=${new URL('./poison.js', import.meta.url).href}`

/** Has every process that this one starts, until the test ends, fail on poisonous records. */
export function poisonChildren(t: TestContext): void {
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = `${before ?? ''} ${poisonOptions}`.trim()
  t.after(() => {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  })
}
