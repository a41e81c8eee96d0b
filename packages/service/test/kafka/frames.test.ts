// What a connection reads, cut into frames: wherever reads end, and whatever comes.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FrameReader } from '#src/kafka/frames.js'
import { Random } from '#src/generators/random.js'

/** A reader, what it handed on, and the memory that it took. */
function opened(): { reader: FrameReader; frames: Buffer[]; taken: Buffer[] } {
  const frames: Buffer[] = []
  const taken: Buffer[] = []
  const take = (bytes: number) => {
    const memory = Buffer.alloc(bytes)
    taken.push(memory)
    return memory
  }
  return { reader: new FrameReader({ onFrame: (frame) => frames.push(frame), take }), frames, taken }
}

/** Returns a frame of so many bytes behind its length, filled with a number. */
function frameOf(bytes: number, fill: number): Buffer {
  const frame = Buffer.alloc(4 + bytes, fill)
  frame.writeInt32BE(bytes, 0)
  return frame
}

/** Reads bytes in reads of at most so many. */
function read(reader: FrameReader, bytes: Buffer, most: () => number): void {
  for (let at = 0; at < bytes.length;) {
    const into = reader.next()
    assert.ok(into.length > 0)
    const count = Math.min(into.length, most(), bytes.length - at)
    bytes.copy(into, 0, at, at + count)
    reader.took(count)
    at += count
  }
}

test('frames of every size come whole and in order, wherever reads end', () => {
  const random = new Random(7)
  const sizes = [0, 1, 3, 100, 65_531, 65_532, 65_533, 65_536, 200_000, 1 << 20]
  for (let round = 0; round < 30; round++) {
    const wanted = Array.from({ length: 20 }, (_, i) => frameOf(random.pick(sizes), i))
    const { reader, frames } = opened()
    const most = random.pick([1000, 65_536, 10_000_000])
    read(reader, Buffer.concat(wanted), () => 1 + random.below(most))
    assert.equal(frames.length, wanted.length)
    for (const [i, frame] of frames.entries()) assert.ok(frame.equals(wanted[i]!), `frame ${i} of round ${round}`)
  }
})

test('a length that comes byte by byte is read', () => {
  const { reader, frames } = opened()
  const wanted = [frameOf(100_000, 1), frameOf(2, 2)]
  read(reader, Buffer.concat(wanted), () => 1)
  assert.deepEqual(frames, wanted)
})

test('a large frame is read into the memory that it stays in, and small ones are not views of each other', () => {
  const { reader, frames, taken } = opened()
  read(reader, Buffer.concat([frameOf(5, 1), frameOf(300_000, 2), frameOf(5, 3)]), () => 10_000)
  assert.equal(taken.length, 1)
  assert.equal(frames[1], taken[0])
  frames[0]!.fill(9)
  assert.ok(frames[2]!.equals(frameOf(5, 3)))
})

test('what is no frame is refused with what it may be', () => {
  for (const text of ['HTTP/1.1 400 Bad Request', '\xff\xff\xff\xff']) {
    const { reader, frames } = opened()
    assert.throws(() => read(reader, Buffer.from(text, 'latin1'), () => 100), {
      code: 'ERR_KAFKA_ANSWER',
      message: /^An answer of -?\d+ bytes was announced: what answers is no Kafka broker, or speaks TLS\.$/,
    })
    assert.deepEqual(frames, [])
  }
})
