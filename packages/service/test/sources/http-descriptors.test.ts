// Connections beyond what the process has descriptors for: refused, and never its end.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('few-descriptors.js', import.meta.url))

async function start(t: TestContext, ...args: string[]) {
  const line = `ulimit -n 60 && exec "${process.execPath}" "${program}" "$@"`
  const child = spawn('bash', ['-c', line, 'bash', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, port: Number(port.toString()) }
}

async function statusOf(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: '/ingest', method: 'POST', agent: false })
    request.on('response', (response) => resolve(response.resume().statusCode ?? 0))
    request.on('error', reject)
    request.end('{}\n')
  })
}

/** Opens connections; resolves when `closed` of them were closed by the other side. */
async function crowd(port: number, count: number, closed: number) {
  const received: string[] = []
  const sockets = Array.from({ length: count }, () => net.connect(port, '127.0.0.1'))
  await new Promise<void>((resolve) => {
    for (const socket of sockets) {
      let text = ''
      socket.on('data', (bytes) => (text += bytes.toString()))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        received.push(text)
        if (received.length === closed) resolve()
      })
    }
  })
  return { received: received.slice(0, closed), leave: () => sockets.forEach((socket) => socket.destroy()) }
}

async function statusOnceFree(port: number): Promise<number> {
  for (;;) {
    const status = await statusOf(port).catch(() => 503)
    if (status !== 503) return status
  }
}

test('a process with few descriptors answers 503 before it has none, and goes on', async (t) => {
  const { child, port } = await start(t)
  const { received, leave } = await crowd(port, 100, 60)
  for (const text of received) assert.match(text, /^HTTP\/1\.1 503 [^]*too-many-connections/)
  leave()
  assert.equal(await statusOnceFree(port), 200)
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a process that has no descriptor left for a connection closes it, and goes on', async (t) => {
  const { child, port } = await start(t, 'eaten')
  const { leave } = await crowd(port, 40, 20)
  leave()
  assert.equal(await statusOnceFree(port), 200)
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
