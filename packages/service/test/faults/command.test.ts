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
  assert.equal(parseArguments(['--only', 'whole-chain,clock', '--store', 'radosgw']).store, 'radosgw')
  assert.equal(parseArguments(['--only', 'whole-chain']).store, undefined)
  for (const wrong of [
    ['--only'],
    ['--only', 'none'],
    ['--seeds', '0'],
    ['--seeds'],
    ['--fulll'],
    ['bomb'],
    ['--records'],
    ['--only', 'bomb', '--records', 'a.ndjson'],
    ['--only', 'whole-chain', '--store'],
    ['--only', 'bomb', '--store', 'radosgw'],
    // Its store is played by a script.
    ['--only', 's3-condition-ignored', '--store', 'radosgw'],
    ['--store', 'radosgw'],
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

test('a store that nobody knows is refused with those there are, and one that is missing with what to do', async (t) => {
  const lines: string[] = []
  const parts = { stateFile: 'none', print: (line: string) => void lines.push(line) }
  assert.equal(await runCommand(['--only', 'clock', '--store', 'swift'], parts), 2)
  assert.match(lines.join('\n'), /^There is no store swift; there are versitygw and radosgw\.\nUsage: /)
  lines.length = 0
  const { PATH } = process.env
  t.after(() => (process.env['PATH'] = PATH))
  process.env['PATH'] = await folder(t)
  assert.equal(await runCommand(['--only', 'clock', '--store', 'radosgw'], parts), 1)
  assert.match(lines.join('\n'), /^There is no radosgw here: Debian has .*radosgw.* in ceph-mon .*recommend\.$/)
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
  const onOther = { fault: 'admin-browser', seed: 1, scale: 'reduced', store: 'radosgw' }
  await writeFile(stateFile, JSON.stringify({ done: [onOther] }))
  assert.equal(await run('--resume'), 1)
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
