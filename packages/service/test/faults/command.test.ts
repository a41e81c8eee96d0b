// The command around the faults: its arguments, its list, and going on with a run that was broken off.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder } from '../running.js'
import { parseArguments, runCommand } from './command.js'
import { faults } from './list.js'

test('names, seeds and scale are read, and everything else is refused by name', () => {
  const {
    faults: chosen,
    seeds,
    scale,
    isResumed,
  } = parseArguments(['--only', 'bomb', 'reload', '--seeds', '3', '--full'])
  assert.deepEqual(chosen.map(({ name }) => name).sort(), ['bomb', 'reload'])
  assert.deepEqual({ seeds, scale, isResumed }, { seeds: 3, scale: 'full', isResumed: false })
  assert.equal(parseArguments(['--only', 'bomb,reload']).faults.length, 2)
  assert.equal(parseArguments([]).faults.length, faults.length)
  assert.equal(parseArguments(['--only', 'whole-chain', '--records', 'a.ndjson']).records, 'a.ndjson')
  for (const wrong of [
    ['--only'],
    ['--only', 'none'],
    ['--seeds', '0'],
    ['--seeds'],
    ['--fulll'],
    ['bomb'],
    ['--records'],
    ['--only', 'bomb', '--records', 'a.ndjson'],
  ]) {
    assert.throws(() => parseArguments(wrong), { name: 'FaultsUsageError' })
  }
})

test('wrong arguments end with 2 and the usage, a list with 0 and a line for each fault', async () => {
  const lines: string[] = []
  const parts = { stateFile: 'none', print: (line: string) => void lines.push(line) }
  assert.equal(await runCommand(['--only', 'none'], parts), 2)
  assert.match(lines.join('\n'), /There is no fault none.*\nUsage: /)
  lines.length = 0
  assert.equal(await runCommand(['--list'], parts), 0)
  assert.equal(lines.length, faults.length)
  lines.length = 0
  assert.equal(await runCommand(['--help'], parts), 0)
  assert.match(lines.join(), /^Usage: /)
})

test('every run that is done is noted, and left out when the command is resumed', async (t) => {
  const stateFile = path.join(await folder(t), 'state.json')
  const run = async (...args: string[]) => {
    const lines: string[] = []
    const code = await runCommand(['--only', 'admin-browser', ...args], {
      stateFile,
      print: (line) => void lines.push(line),
    })
    assert.equal(code, 0, lines.join('\n'))
    return lines.filter((line) => line.startsWith('ok')).length
  }
  assert.equal(await run(), 1)
  assert.equal(await run('--resume'), 0)
  assert.equal(await run('--seeds', '2', '--resume'), 1)
  const { done } = JSON.parse(await readFile(stateFile, 'utf8')) as {
    done: { fault: string; seed: number; lost: number }[]
  }
  assert.deepEqual(
    done.map(({ fault, seed, lost }) => [fault, seed, lost]),
    [
      ['admin-browser', 1, 0],
      ['admin-browser', 2, 0],
    ],
  )
  await writeFile(stateFile, 'damaged')
  await assert.rejects(run('--resume'), /cannot be read; delete it/)
})
