// A process that writes to a folder is killed, at every step and at any time, and another one goes on. What was
// acknowledged is there, once and in order, and what is there has no gap.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { DirectoryStep } from '#src/sinks/directory.js'
import { folder } from '../running.js'
import { contentOf, journalLines, openFolder } from './folders.js'

const writer = fileURLToPath(new URL('directory-writer.js', import.meta.url))

interface Run {
  readonly compression: string
  readonly first: number
  readonly step?: DirectoryStep
  readonly times?: number
  /** Kills it when it has acknowledged so many lines. */
  readonly killAt?: number
}

/** Runs the writer until it is killed. Returns how many lines were acknowledged, of those before it too. */
async function write(directory: string, run: Run): Promise<number> {
  const args = [directory, run.compression, run.first, run.step ?? 'never', run.times ?? 0].map(String)
  const child = spawn(process.execPath, [writer, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  const acknowledged = () => Number(printed.split('\n').at(-2) ?? run.first)
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    if (run.killAt !== undefined && acknowledged() >= run.killAt) child.kill('SIGKILL')
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', `the writer ended by itself, with ${code}`)
  return acknowledged()
}

/** Opens the folder as the next process does; returns how many lines are there, having compared each. */
async function recovered(directory: string, compression: 'none' | 'gzip'): Promise<number> {
  const sink = await openFolder(directory, { compression })
  await sink.discard()
  const lines = (await contentOf(directory)).toString().split('\n').slice(0, -1)
  for (const [index, line] of lines.entries()) assert.equal(line, `{"n":${index}}`)
  return lines.length
}

const steps: readonly DirectoryStep[] = [
  'recovered',
  'journal written aside',
  'journal renamed',
  'journal written',
  'journal synced',
  'created',
  'written',
  'member ended',
  'data synced',
]

for (const compression of ['none', 'gzip'] as const) {
  test(`${compression}: killed at any step, nothing is lost and nothing is there twice`, async (t) => {
    const directory = await folder(t)
    let there = 0
    for (const step of steps) {
      if (step === 'member ended' && compression === 'none') continue
      for (const times of step === 'recovered' || step.startsWith('journal ren') || step.endsWith('aside')
        ? [0]
        : [0, 5]) {
        const acknowledged = await write(directory, { compression, first: there, step, times })
        there = await recovered(directory, compression)
        assert.ok(there >= acknowledged, `killed at '${step}': ${acknowledged} acknowledged, ${there} there`)
      }
    }
    assert.ok(there > 20, `only ${there} lines were written`)
  })

  test(`${compression}: killed at any time, nothing is lost and nothing is there twice`, async (t) => {
    const directory = await folder(t)
    let there = 0
    for (let round = 0; round < 4; round++) {
      const killAt = there + 1 + ((round * 7919) % 400)
      const acknowledged = await write(directory, { compression, first: there, killAt })
      there = await recovered(directory, compression)
      assert.ok(there >= acknowledged, `${acknowledged} acknowledged, ${there} there`)
    }
    const named = (await journalLines(directory)).flatMap((line) => line['versions'] as string[])
    for (let version = 0; version * 50 < there; version++)
      assert.ok(named.includes(`v${version}`), `v${version} is unnamed`)
  })
}
