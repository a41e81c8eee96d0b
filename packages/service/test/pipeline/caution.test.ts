// When a pipeline is careful: what a process leaves behind, what the next one makes of it, and when that is over. Each
// `Process` stands for one.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { carefulMs, Caution, deathsWithinMs } from '#src/pipeline/caution.js'
import type { CautionState } from '#src/pipeline/caution.js'
import { markerName } from '#src/pipeline/end-marker.js'

const began = Date.parse('2026-03-04T05:06:07.890Z')

class Machine {
  readonly folder: string
  nowMs = began
  readonly states: CautionState[] = []
  readonly problems: unknown[] = []

  constructor(t: TestContext) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'weir-caution-'))
    t.after(() => rmSync(this.folder, { recursive: true }))
  }

  start(folder: string | undefined = this.folder): Caution {
    const caution = new Caution({
      ...(folder === '' ? {} : { folder }),
      clock: () => this.nowMs,
      steady: () => this.nowMs - began,
      onState: (state) => this.states.push(state),
      onProblem: (error) => this.problems.push(error),
    })
    caution.open()
    return caution
  }
}

test('after an end in order, and after a single death, a pipeline is not careful', (t) => {
  const machine = new Machine(t)
  machine.start().close()
  assert.deepEqual(readdirSync(machine.folder), [])
  machine.start()
  assert.equal(machine.start().isCareful, false)
  assert.deepEqual(machine.states.map(({ deaths }) => deaths), [0, 0, 1]) // prettier-ignore
})

test('after two deaths that lie close together it is careful, and says why and until when', (t) => {
  const machine = new Machine(t)
  machine.start()
  machine.nowMs += 1000
  machine.start()
  machine.nowMs += deathsWithinMs
  const caution = machine.start()
  assert.equal(caution.isCareful, true)
  assert.deepEqual(machine.states.at(-1), {
    isCareful: true,
    reason: 'the process has died 2 times within 10 minutes',
    untilMs: machine.nowMs + carefulMs,
    deaths: 2,
  })
})

test('deaths that lie far apart have nothing to do with each other', (t) => {
  const machine = new Machine(t)
  for (let death = 0; death < 5; death++) {
    assert.equal(machine.start().isCareful, false)
    machine.nowMs += deathsWithinMs + 1
  }
})

test('the time ends when no trial has died for so long, and begins anew with each that has', (t) => {
  const machine = new Machine(t)
  machine.start()
  machine.start()
  const caution = machine.start()
  machine.nowMs += carefulMs - 1
  caution.trialDied()
  machine.nowMs += carefulMs - 1
  assert.equal(caution.isCareful, true)
  machine.nowMs += 1
  assert.equal(caution.isCareful, false)
  assert.deepEqual(machine.states.at(-1), { isCareful: false, deaths: 2 })
  caution.trialDied()
  assert.equal(caution.isCareful, false)
})

test('one worker that hangs makes the next process careful, two this one, until it ends', (t) => {
  const machine = new Machine(t)
  const caution = machine.start()
  caution.workersHang(1)
  assert.equal(caution.isCareful, false)
  caution.workersHang(2)
  machine.nowMs += 10 * carefulMs
  assert.equal(caution.isCareful, true)
  assert.deepEqual(caution.state, {
    isCareful: true,
    reason: '2 workers hang, and end with the process only',
    deaths: 0,
  })
  // In order as far as can be: the thread is still there.
  caution.close()
  const next = machine.start()
  assert.equal(next.isCareful, true)
  assert.match(next.state.reason!, /hung/)
  next.close()
  assert.equal(machine.start().isCareful, false)
})

test('without a folder nothing is known of the process before', (t) => {
  const machine = new Machine(t)
  for (let death = 0; death < 5; death++) assert.equal(machine.start('').isCareful, false)
  assert.equal(machine.problems.length, 0)
})

test('a note that cannot be understood is a death, and what else is wrong with it a problem that ends nothing', (t) => {
  const machine = new Machine(t)
  const file = path.join(machine.folder, markerName)
  for (const text of ['', '{"marker":', '[]', '{"marker":"weir-running","format":99,"deaths":["x"]}']) {
    writeFileSync(file, text)
    assert.deepEqual(machine.start().state, { isCareful: false, deaths: 1 })
    machine.nowMs += deathsWithinMs + 1
  }
  assert.equal(machine.problems.length, 0)
  const nowhere = path.join(machine.folder, 'none')
  const caution = machine.start(nowhere)
  assert.equal(caution.isCareful, false)
  assert.equal((machine.problems[0] as { code?: string }).code, 'ENOENT')
  caution.close()
})

test('the note can be read by people', (t) => {
  const machine = new Machine(t)
  machine.start()
  machine.start()
  assert.deepEqual(JSON.parse(readFileSync(path.join(machine.folder, markerName), 'utf8')), {
    ...{ marker: 'weir-running', format: 1 },
    ...{ deaths: ['2026-03-04T05:06:07.890Z'], hasHung: false },
  })
})
