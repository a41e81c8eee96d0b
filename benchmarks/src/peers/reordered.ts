// Answers of peers whose threads do not keep the order of records: compared as what was kept, in whatever order. Called by
// contenders.ts.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Answer, Task } from '../contender.ts'
import { decidingRule } from '../plain-reading.ts'

interface Digest {
  readonly kept: number
  /** Sum of the digests of all lines, which does not depend on their order, in hexadecimal. */
  readonly sum: string
}

const modulus = 2n ** 256n

async function digestOf(path: string, isKept: (line: Buffer) => boolean): Promise<Digest> {
  let sum = 0n
  let kept = 0
  // As latin1, every byte is a character, so that what is malformed stays as it is.
  for await (const text of createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Infinity })) {
    const line = Buffer.from(text, 'latin1')
    if (!isKept(line)) continue
    kept++
    sum = (sum + BigInt(`0x${createHash('sha256').update(line).digest('hex')}`)) % modulus
  }
  return { kept, sum: sum.toString(16) }
}

/**
 * Returns what tells a task's answer from output in any order: the digest of the right bytes where the lines are the right
 * ones, each as often, else the sum of what was written. What is right is read once, when it is first asked for.
 */
export function reorderedAnswer(task: Task): (output: string) => Promise<Answer> {
  const { rules } = task.case
  const keeps = (line: Buffer): boolean => {
    const rule = decidingRule(rules, line)
    return rule !== undefined && (rules.rules[rule]?.then ?? rules.default) === 'keep'
  }
  let right: Promise<Digest> | undefined
  return async (output) => {
    right ??= digestOf(task.input.path, keeps)
    const written = await digestOf(output, () => true)
    const isRight = written.sum === (await right).sum
    return { kept: written.kept, sha256: isRight ? task.expected.sha256 : written.sum }
  }
}
