// Asks a broker which versions it speaks: the first thing that any client does, and so the sign that it is there. Called by
// node.ts and tests.

import { connect } from 'node:net'

import { FrameSplitter, apiKeys } from './framing.ts'

/** Versions of a call that a broker takes, both included. */
export interface VersionRange {
  readonly first: number
  readonly last: number
}

/** Asks, and resolves with the versions of each call, by its number. *Errors*: those of the connection. */
export async function askVersions(port: number): Promise<Map<number, VersionRange>> {
  const frame = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const splitter = new FrameSplitter()
    socket.once('connect', () => socket.write(versionsRequest(1)))
    socket.on('data', (chunk) => {
      const [frame] = splitter.push(chunk)
      if (frame === undefined) return
      resolve(frame)
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`127.0.0.1:${port} ended the connection without an answer.`)))
  })
  const versions = new Map<number, VersionRange>()
  const firstEntry = 14
  for (let at = firstEntry; at + 6 <= frame.length; at += 6) {
    versions.set(frame.readInt16BE(at), { first: frame.readInt16BE(at + 2), last: frame.readInt16BE(at + 4) })
  }
  return versions
}

/** The request, version 0, as a frame. */
export function versionsRequest(correlationId: number): Buffer {
  const client = Buffer.from('test')
  const head = Buffer.alloc(14)
  head.writeInt32BE(head.length - 4 + client.length, 0)
  head.writeInt16BE(apiKeys.ApiVersions, 4)
  head.writeInt32BE(correlationId, 8)
  head.writeInt16BE(client.length, 12)
  return Buffer.concat([head, client])
}
