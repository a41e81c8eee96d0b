// That settings of techniques reach whatever evaluates: what the suite is run with, and what a test puts in force for its own
// process. Without this, the runs with forced techniques would prove nothing.

import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { createEngine } from '#src/index.js'
import { setStandardTechniques, standardTechniques, techniques } from '#src/kernel/techniques.js'
import { prepareRules } from '#src/prepared-rules.js'
import { records, smallRules } from './engine-harness.ts'
import { kernels } from './judge.ts'
import { allTechniques, givenTechniques, readTechniques } from './techniques.ts'

const skip = kernels.native.skip ?? false

afterEach(() => setStandardTechniques(givenTechniques))

test('the run is made with the techniques that its environment says', () => {
  assert.deepEqual(standardTechniques(), givenTechniques)
})

test('a setting is read from a list, and a name or use that there is not is refused', () => {
  assert.deepEqual(readTechniques(''), {})
  assert.deepEqual(readTechniques('value-cache=off,literals=on'), { 'value-cache': 'off', literals: 'on' })
  assert.deepEqual(readTechniques('all=off,literals=on'), { ...allTechniques('off'), literals: 'on' })
  for (const text of ['magic=on', 'literals=yes', 'literals', '=on']) {
    assert.throws(() => readTechniques(text), { code: 'ERR_CONFIG_INVALID' }, text)
  }
})

test(
  'workers, the calling thread and new rules use techniques as they are set when the engine is made',
  { skip },
  async () => {
    for (const use of ['on', 'off'] as const) {
      setStandardTechniques(allTechniques(use))
      await using engine = await createEngine({ rules: smallRules, threads: 2, kernel: 'native' })
      const known = (): number => engine.report().fields[0]!.known
      for (const count of [10, 3000]) {
        const before = known()
        ;(await engine.evaluate(records(count))).release()
        assert.equal(known() > before, use === 'on', `${use}, ${count} records`)
      }
      await engine.load(await prepareRules({ ...smallRules, missing: ['-'] }))
      ;(await engine.evaluate(records(3000))).release()
      assert.equal(known() > 0, use === 'on')
      if (use === 'off') for (const each of engine.report().techniques) assert.equal(each.used, 0, each.technique)
    }
  },
)

test('each technique can be set by itself', { skip }, async () => {
  for (const technique of techniques) {
    setStandardTechniques({ [technique]: 'off' })
    await using engine = await createEngine({ rules: smallRules, threads: 1, kernel: 'native' })
    ;(await engine.evaluate(records(3000))).release()
    assert.equal(engine.report().techniques.find((each) => each.technique === technique)?.used, 0, technique)
  }
})
