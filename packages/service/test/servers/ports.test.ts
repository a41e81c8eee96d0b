// Ports for servers of other programs: nobody else gets them while they are held.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { takePorts } from './ports.ts'

test('ports that are taken are free to listen on, below what the system gives away, and nobody is given them again', async (t) => {
  const blocks = await Promise.all(Array.from({ length: 20 }, () => takePorts(3)))
  t.after(() => blocks.forEach((block) => block.release()))
  const ports = blocks.flatMap((block) => block.ports)
  assert.equal(new Set(ports).size, 60)
  assert.ok(ports.every((port) => port > 20_000 && port < 32_768))
  for (const port of ports.slice(0, 3)) {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
  }
})

test('another process gets other ports, and a process that ends gives its own back', async (t) => {
  const own = await takePorts(2)
  t.after(() => own.release())
  const module = fileURLToPath(new URL('ports.js', import.meta.url))
  // Drawn at random: the other process begins with the block of this one.
  const draw = `Math.random = () => ((${own.ports[0]} - 1 - 20_000) / 32 + 0.5) / 375`
  const script = `${draw}; const { takePorts } = await import(${JSON.stringify(module)}); console.log((await takePorts(2)).ports.join())`
  const ask = () => spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  // A third may take the block between the two, so they have more than one try.
  const isGivenBack = () => {
    const first = ask()
    assert.equal(first.stderr, '')
    const others = first.stdout.trim().split(',').map(Number)
    assert.ok(others.length === 2 && !others.some((port) => own.ports.includes(port)))
    return ask().stdout === first.stdout
  }
  assert.ok([1, 2, 3, 4, 5].some(isGivenBack))
})

test('a block gives no more ports than it has', async () => {
  await assert.rejects(takePorts(32), /32 ports are asked for, and a block has 31/)
})
