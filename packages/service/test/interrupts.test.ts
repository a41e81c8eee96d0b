// The clean-ups that run when a command ends before its work is done.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Interrupts } from '#src/interrupts.js'

test('clean-ups run once, the latest first, and one that fails does not stop the others', () => {
  const ran: string[] = []
  const interrupts = new Interrupts()
  interrupts.add(() => ran.push('first'))
  interrupts.add(() => {
    throw new Error('fails')
  })
  const forget = interrupts.add(() => ran.push('forgotten'))
  interrupts.add(() => ran.push('last'))
  forget()
  interrupts.run()
  interrupts.run()
  assert.deepEqual(ran, ['last', 'first'])
})
