// Answers that are right in another form: of peers that write records anew, compared as parsed JSON, since their spaces and
// escapes are their own; and of peers whose threads do not keep the order of records. Called by contenders.ts.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Answer, Task } from '../contender.ts'
import { decidingRule } from '../plain-reading.ts'

/** What some lines amount to, one after another. */
interface Digest {
  add(line: Buffer): void
  /** In hexadecimal. */
  end(): string
}

/** Of records as JSON.stringify writes what JSON.parse reads: the order of the keys counts, spelling does not. */
function meaning(): Digest {
  const hash = createHash('sha256')
  return {
    add: (line) => void hash.update(JSON.stringify(JSON.parse(line.toString()))).update('\n'),
    end: () => hash.digest('hex'),
  }
}

/** Of lines in whatever order, each as often as it is there: the sum of their digests. */
function anyOrder(): Digest {
  let sum = 0n
  return {
    add: (line) => {
      sum = (sum + BigInt(`0x${createHash('sha256').update(line).digest('hex')}`)) % 2n ** 256n
    },
    end: () => sum.toString(16),
  }
}

async function read(path: string, digest: Digest, isKept: (line: Buffer) => boolean): Promise<Answer> {
  let kept = 0
  // As latin1, every byte is a character, so that what is malformed stays as it is.
  for await (const text of createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Infinity })) {
    const line = Buffer.from(text, 'latin1')
    if (!isKept(line)) continue
    kept++
    digest.add(line)
  }
  return { kept, sha256: digest.end() }
}

/**
 * Returns what tells a task's answer from output: the digest of the right bytes where the output amounts to the same as
 * those, else that of what was written. What must come out is read once, when it is first asked for.
 */
function answerBy(task: Task, digest: () => Digest): (output: string) => Promise<Answer> {
  const { rules } = task.case
  const keeps = (line: Buffer): boolean => {
    const rule = decidingRule(rules, line)
    return rule !== undefined && (rules.rules[rule]?.then ?? rules.default) === 'keep'
  }
  let right: Promise<Answer> | undefined
  return async (output) => {
    right ??= read(task.input.path, digest(), keeps)
    const written = await read(output, digest(), () => true)
    return written.sha256 === (await right).sha256 ? { kept: written.kept, sha256: task.expected.sha256 } : written
  }
}

/** Returns what tells a task's answer from output whose records are written anew. */
export function rewrittenAnswer(task: Task): (output: string) => Promise<Answer> {
  return answerBy(task, meaning)
}

/** Returns what tells a task's answer from output in any order. */
export function reorderedAnswer(task: Task): (output: string) => Promise<Answer> {
  return answerBy(task, anyOrder)
}
