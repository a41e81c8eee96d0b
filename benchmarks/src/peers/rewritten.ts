// Answers of peers that write records anew: compared as parsed JSON, since their spaces and escapes are their own.
// Called by contenders.ts.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Answer, Task } from '../contender.ts'
import { decidingRule } from '../plain-reading.ts'

interface Digest {
  readonly kept: number
  readonly sha256: string
}

/** Digest of records, each as JSON.stringify writes what JSON.parse reads: the order of the keys counts, spelling does not. */
async function digestOf(path: string, isKept: (line: Buffer) => boolean): Promise<Digest> {
  const hash = createHash('sha256')
  let kept = 0
  // As latin1, every byte is a character, so that what is malformed stays as it is.
  for await (const text of createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Infinity })) {
    const line = Buffer.from(text, 'latin1')
    if (!isKept(line)) continue
    kept++
    hash.update(JSON.stringify(JSON.parse(line.toString()))).update('\n')
  }
  return { kept, sha256: hash.digest('hex') }
}

/**
 * Returns what tells a task's answer from rewritten output: the digest of the right bytes where the records mean the same
 * as those, else that of what was written. What must be meant is read once, when it is first asked for.
 */
export function rewrittenAnswer(task: Task): (output: string) => Promise<Answer> {
  const { rules } = task.case
  const keeps = (line: Buffer): boolean => {
    const rule = decidingRule(rules, line)
    return rule !== undefined && (rules.rules[rule]?.then ?? rules.default) === 'keep'
  }
  let meant: Promise<Digest> | undefined
  return async (output) => {
    meant ??= digestOf(task.input.path, keeps)
    const written = await digestOf(output, () => true)
    return written.sha256 === (await meant).sha256 ? { kept: written.kept, sha256: task.expected.sha256 } : written
  }
}
