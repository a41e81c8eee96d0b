// Ports for servers of other programs, which cannot be told to take any free one, or need the same one again when they are
// started anew. Called by the servers of this folder.

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

/** Ports of this process until it gives them back or ends. */
export interface PortBlock {
  readonly ports: readonly number[]
  /** Gives them back. */
  release(): void
}

/**
 * Below what Linux and macOS give to sockets that ask for any port: so neither an outgoing connection nor a server of another
 * test comes to sit on a port while the server that it is meant for is down.
 */
const first = 20_000
const blocks = 375
const blockSize = 32

/**
 * Takes ports on 127.0.0.1 that nobody uses. A block belongs to whoever listens on its first port, so processes that ask at
 * the same time get different ones, and a process that dies gives its own back. *Errors*: where `count` is more than a block
 * has, or every block is taken.
 */
export async function takePorts(count: number): Promise<PortBlock> {
  if (count >= blockSize) throw new Error(`${count} ports are asked for, and a block has ${blockSize - 1}.`)
  const start = Math.floor(Math.random() * blocks)
  for (let i = 0; i < blocks; i++) {
    const token = first + ((start + i) % blocks) * blockSize
    const ports = Array.from({ length: count }, (_, k) => token + 1 + k)
    const held = await listen(token)
    if (held === undefined) continue
    if (await areFree(ports)) return { ports, release: () => void held.close() }
    held.close()
  }
  throw new Error(`No ${count} ports in a row are free between ${first} and ${first + blocks * blockSize}.`)
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const server = await listen(port)
    if (server === undefined) return false
    server.close()
    await once(server, 'close')
  }
  return true
}

/** Resolves with nothing where the port is in use. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    )
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
