// One keep-alive connection that posts bodies: as little of HTTP as that takes, since whoever makes the load has to share
// the processors with the server. Requests are written whole and answers read by their Content-Length; an answer in
// chunks is an error. Called by load.ts.

import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Where to post. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string
}

/** How a body is compressed. */
export type Encoding = 'identity' | 'gzip'

/** Status of a request that got no answer: the connection failed or was closed. */
export const noAnswer = 0

/** One connection, made when it is first needed, and anew after it was closed. One request at a time. */
export class Connection {
  private readonly target: Target
  private socket: Socket | undefined
  private received = ''
  private settle: ((status: number) => void) | undefined

  constructor(target: Target) {
    this.target = target
  }

  /** Posts a body and resolves with the status of the answer, or `noAnswer`. Never rejects. */
  post(body: Uint8Array, encoding: Encoding): Promise<number> {
    const { host, port, path } = this.target
    const encoded = encoding === 'identity' ? '' : `Content-Encoding: ${encoding}\r\n`
    return new Promise((resolve) => {
      this.settle = resolve
      this.received = ''
      const socket = (this.socket ??= this.open())
      socket.cork()
      socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${encoded}Content-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
      socket.uncork()
    })
  }

  close(): void {
    this.socket?.destroy()
    this.socket = undefined
  }

  private open(): Socket {
    const socket = connect({ host: this.target.host, port: this.target.port, noDelay: true })
    const lost = () => {
      if (this.socket !== socket) return
      this.socket = undefined
      socket.destroy()
      this.answer(noAnswer)
    }
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.take(text, socket))
    socket.on('error', lost)
    socket.on('close', lost)
    return socket
  }

  private take(text: string, socket: Socket): void {
    if (this.socket !== socket) return
    this.received += text
    const headEnd = this.received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.received.slice(0, headEnd)
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? noAnswer)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN)
    if (Number.isNaN(length)) throw new Error(`An answer has no Content-Length:\n${head}`)
    if (this.received.length < headEnd + 4 + length) return
    // An early answer, before all of the body was taken, ends the connection as well.
    if (/^connection: *close/im.test(head)) this.close()
    this.answer(status)
  }

  private answer(status: number): void {
    const { settle } = this
    this.settle = undefined
    settle?.(status)
  }
}
