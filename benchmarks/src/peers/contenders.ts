// Makes contenders of peers: on one core and on two, on as much of the input as takes seconds, with their answers compared
// byte for byte, or as parsed JSON where they write records anew. Called by models/command.ts.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { outputOf, prepareCommand, quote } from '../contenders/command-line.ts'
import type { Contender, Prepared, Skipped, Task } from '../contender.ts'
import { halvesOf } from '../inputs.ts'
import type { Peer } from './peer.ts'
import { reorderedAnswer, rewrittenAnswer } from './other-forms.ts'
import { sliceOf } from './slice.ts'
import { Inexpressible } from './translation.ts'

/** Returns the peer as contenders on one core and on two. */
export function contendersOf(peer: Peer): readonly Contender[] {
  return [1, 2].map((threads) => {
    const id = idOf(peer, threads)
    const label = `${peer.label}${threads === 1 ? '' : peer.hasThreads ? `, ${threads} threads` : ', two at once on halves'}`
    return { id, label, model: 'command', threads, open: (task) => openPeer(peer, threads, task) }
  })
}

async function openPeer(peer: Peer, threads: number, task: Task): Promise<Prepared | Skipped> {
  try {
    peer.translate(task.case)
  } catch (error) {
    if (error instanceof Inexpressible) return { skipped: `cannot express: ${error.message}` }
    throw error
  }
  if (peer.tool.find() === undefined) return { skipped: `${peer.tool.name} is not installed: npm run bench:peers` }
  const secondsFor = async (part: Task): Promise<number> => {
    const prepared = await openWhole(peer, threads, part)
    try {
      return (await prepared.run()).seconds
    } finally {
      await prepared.close()
    }
  }
  return openWhole(peer, threads, await sliceOf(task, secondsFor))
}

/** Returns the peer, ready for all of a task. Errors: Inexpressible; an Error where the peer is not installed. */
export async function openWhole(peer: Peer, threads: number, task: Task): Promise<Prepared> {
  const found = peer.tool.find()
  if (found === undefined) throw new Error(`${peer.tool.name} is not installed`)
  const id = idOf(peer, threads)
  const translation = peer.translate(task.case)
  const scratch = join(task.folder, `${task.case.name}.${id}`)
  const command = (name: string, input: string, output: string): string => {
    const folder = join(scratch, name)
    mkdirSync(folder, { recursive: true })
    return peer.command(translation, { found, input, output, folder, threads: peer.hasThreads ? threads : 1 })
  }
  const parts = [0, 1].map((i) => join(task.folder, `${id}.part${i}`))
  const script =
    threads === 1 || peer.hasThreads
      ? command('all', task.input.path, outputOf(id, task))
      : joined(
          (await halvesOf(task.input)).map((half, i) => command(`half${i}`, half, parts[i]!)),
          parts,
        )
  const answer = peer.rewrites
    ? { answer: rewrittenAnswer(task) }
    : peer.reorders === true && threads > 1
      ? { answer: reorderedAnswer(task) }
      : {}
  const prepared = prepareCommand(id, { script, successes: [0], threads, task, ...answer }, task)
  const close = async (): Promise<void> => {
    await prepared.close()
    for (const path of [scratch, ...parts]) rmSync(path, { recursive: true, force: true })
  }
  return { ...prepared, close }
}

function idOf({ id }: Peer, threads: number): string {
  return threads === 1 ? id : `${id}-${threads}`
}

/** Two commands at once, what they write joined in order; fails when one of them does. */
function joined([first, second]: readonly string[], outputs: readonly string[]): string {
  const [one, two] = outputs.map(quote)
  // Some peers append to what is there.
  return `: > ${one}; : > ${two}; { ${first}; } & one=$!; { ${second}; } && wait $one && cat ${one} ${two}`
}
