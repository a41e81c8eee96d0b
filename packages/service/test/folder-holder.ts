// A process that takes the lock of a folder and holds it until it is killed. Prints `held`, or why it could not.
// Started by folder-lock.test.ts.

import { lockFolder } from '#src/folder-lock.js'

try {
  await lockFolder(process.argv[2] ?? '')
  process.stdout.write('held\n')
  setInterval(() => undefined, 1_000_000)
} catch (error) {
  const { code, message } = error as Error & { code: string }
  process.stdout.write(`${code} ${message}\n`)
}
