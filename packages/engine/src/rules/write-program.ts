// Writes a program's block of shared memory: header, plan, lists, fold table, in the layout that program.ts states.
// Called by compile.ts, once for each rule set.

import { foldMap } from './fold.ts'
import type { ListImage } from './lists.ts'
import type { Plan, Program } from './program.ts'
import { headerBytes, headerWord, listWords, programFormat, programMagic } from './program.ts'

/** Positions in a block are 32 bits. */
export const mostProgramBytes = 0xffff_ffff

/** Returns the number of bytes that a program of these lists needs, at least. */
export function listBytesOf(lists: readonly ListImage[]): number {
  return lists.flatMap((list) => list.parts).reduce((sum, part) => sum + aligned(part.byteLength), 0)
}

/** Returns the program of `plan` and its lists, which are numbered as the plan's predicates name them. */
export function writeProgram(plan: Plan, lists: readonly ListImage[]): Program {
  const planBytes = Buffer.from(JSON.stringify(plan), 'utf8')
  const folds = plan.predicates.some((predicate) => 'fold' in predicate && predicate.fold) ? [...foldMap()] : []
  const planAt = headerBytes
  const listsAt = planAt + aligned(planBytes.length)
  const foldAt = listsAt + lists.length * listWords * 4
  let end = foldAt + folds.length * 8
  const positions = lists.map((list) =>
    list.parts.map((part) => {
      const at = end
      end += aligned(part.byteLength)
      return at
    }),
  )
  const bytes = new Uint8Array(new SharedArrayBuffer(end))
  const words = new Uint32Array(bytes.buffer, 0, headerBytes / 4)
  words[headerWord.magic] = programMagic
  words[headerWord.format] = programFormat
  words[headerWord.totalBytes] = end
  words[headerWord.planAt] = planAt
  words[headerWord.planBytes] = planBytes.length
  words[headerWord.listCount] = lists.length
  words[headerWord.listsAt] = listsAt
  words[headerWord.foldAt] = foldAt
  words[headerWord.foldCount] = folds.length
  bytes.set(planBytes, planAt)
  const directory = new Uint32Array(bytes.buffer, listsAt, lists.length * listWords)
  for (const [i, list] of lists.entries()) {
    directory.set(list.words(positions[i]!), i * listWords)
    for (const [j, part] of list.parts.entries()) {
      bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), positions[i]![j])
    }
  }
  const foldWords = new Uint32Array(bytes.buffer, foldAt, folds.length * 2)
  for (const [i, [code, folded]] of folds.toSorted((a, b) => a[0] - b[0]).entries())
    foldWords.set([code, folded], i * 2)
  return { plan, bytes }
}

function aligned(byteLength: number): number {
  return Math.ceil(byteLength / 4) * 4
}
