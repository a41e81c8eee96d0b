// The index of structure.ts in WebAssembly with vector instructions: 64 bytes a step, where the plain one takes each by
// itself, about ten times as fast. Needs no compiler on the user's machine and runs wherever Node does; a processor too
// old for it gets the plain index. Why not in C++: docs/decisions/shapes-in-webassembly.md. Called by ../sources.
//
// Each step makes 64-bit masks, one bit for each byte, as simdjson does (Langdale, Lemire: Parsing Gigabytes of JSON per
// Second, section 3.1): the prefix XOR of the quotes that count is the mask of what stands in strings.

import { ascii } from './detect.ts'
import { PlainStructureIndex, structureBytes } from './structure.ts'
import type { StructureIndex } from './structure.ts'
import { global, i32, i64, ifElse, local, v128, whileLoop, writeModule } from './wasm-module.ts'
import type { Code } from './wasm-module.ts'

/** Events lie behind the input, which the last step may read 63 bytes beyond. */
const eventsAt = structureBytes + 64
const pageBytes = 64 << 10
const pages = Math.ceil((eventsAt + 4 * structureBytes) / pageBytes)

/** Locals by number; `length` is the parameter. */
const at = { length: 0, position: 1, out: 2, bit: 3 } as const
const vector = { first: 4 } as const
const mask = {
  quotes: 8,
  backslashes: 9,
  brackets: 10,
  lineBreaks: 11,
  escaped: 12,
  strings: 13,
  events: 14,
  valid: 15,
}
/** Globals by number. */
const carry = { inString: 0, escaped: 1 } as const

const get = local.get
const assign = local.set

/** The mask of the bytes in the four vectors for which `test` has set all bits. */
function maskOf(test: (bytes: Code) => Code): Code {
  const parts = [0, 1, 2, 3].map((part) => {
    const bits = i64.extend(v128.bitmask(test(get(vector.first + part))))
    return part === 0 ? bits : i64.shl(bits, i64.const(BigInt(16 * part)))
  })
  return i64.and(i64.or(i64.or(parts[0]!, parts[1]!), i64.or(parts[2]!, parts[3]!)), get(mask.valid))
}

function is(byte: number): (bytes: Code) => Code {
  return (bytes) => v128.equalBytes(bytes, v128.splat(byte))
}

function isEither(first: number, second: number): (bytes: Code) => Code {
  return (bytes) => v128.or(is(first)(bytes), is(second)(bytes))
}

/** Brackets and braces differ in this bit alone. */
const braceBit = ascii.openBrace ^ ascii.openBracket
const isBracket = (bytes: Code): Code =>
  isEither(ascii.openBrace, ascii.closeBrace)(v128.or(bytes, v128.splat(braceBit)))

const lowestBitOut = (which: number): Code => assign(which, i64.and(get(which), i64.sub(get(which), i64.const(1n))))

/** One bit, moved to where `bit` says. */
const oneAtBit: Code = i64.shl(i64.const(1n), i64.extend(get(at.bit)))

/** Which bytes stand behind a backslash that counts; takes the backslashes in turn, since they are rare. */
const findEscaped: Code = [
  ...assign(mask.escaped, global.get(carry.escaped)),
  ...global.set(carry.escaped, i64.const(0n)),
  ...assign(mask.backslashes, i64.and(get(mask.backslashes), i64.xor(get(mask.escaped), i64.const(-1n)))),
  ...whileLoop(i32.wrap(i64.xor(i64.extend(i64.isZero(get(mask.backslashes))), i64.const(1n))), [
    ...assign(at.bit, i32.wrap(i64.trailingZeros(get(mask.backslashes)))),
    ...lowestBitOut(mask.backslashes),
    // Behind the last byte of the piece, or of these 64, begins the next one.
    ...ifElse(
      i64.isZero(i64.and(i64.shl(oneAtBit, i64.const(1n)), get(mask.valid))),
      global.set(carry.escaped, i64.const(1n)),
      [
        ...assign(at.bit, i32.add(get(at.bit), i32.const(1))),
        ...assign(mask.escaped, i64.or(get(mask.escaped), oneAtBit)),
        ...assign(mask.backslashes, i64.and(get(mask.backslashes), i64.xor(oneAtBit, i64.const(-1n)))),
      ],
    ),
  ]),
]

const notEscaped: Code = i64.xor(get(mask.escaped), i64.const(-1n))

/** From quotes to what they enclose, the opening ones included. */
const findStrings: Code = [
  ...assign(mask.strings, i64.and(get(mask.quotes), notEscaped)),
  ...[1n, 2n, 4n, 8n, 16n, 32n].flatMap((by) =>
    assign(mask.strings, i64.xor(get(mask.strings), i64.shl(get(mask.strings), i64.const(by)))),
  ),
  ...assign(mask.strings, i64.xor(get(mask.strings), global.get(carry.inString))),
  ...global.set(carry.inString, i64.shiftSigned(get(mask.strings), i64.const(63n))),
]

const writeEvents: Code = [
  ...assign(
    mask.events,
    i64.or(
      i64.and(get(mask.brackets), i64.and(notEscaped, i64.xor(get(mask.strings), i64.const(-1n)))),
      get(mask.lineBreaks),
    ),
  ),
  ...whileLoop(i32.wrap(i64.xor(i64.extend(i64.isZero(get(mask.events))), i64.const(1n))), [
    ...assign(at.bit, i32.wrap(i64.trailingZeros(get(mask.events)))),
    ...lowestBitOut(mask.events),
    ...i32.store(
      get(at.out),
      i32.or(
        i32.shl(i32.add(get(at.position), get(at.bit)), i32.const(1)),
        i32.wrap(i64.and(i64.shiftUnsigned(get(mask.strings), i64.extend(get(at.bit))), i64.const(1n))),
      ),
    ),
    ...assign(at.out, i32.add(get(at.out), i32.const(4))),
  ]),
]

/** What of the 64 bytes belongs to the piece. */
const findValid: Code = ifElse(
  i32.lessThan(i32.sub(get(at.length), get(at.position)), i32.const(64)),
  assign(
    mask.valid,
    i64.sub(i64.shl(i64.const(1n), i64.extend(i32.sub(get(at.length), get(at.position)))), i64.const(1n)),
  ),
  assign(mask.valid, i64.const(-1n)),
)

const body: Code = [
  ...assign(at.out, i32.const(eventsAt)),
  ...whileLoop(i32.lessThan(get(at.position), get(at.length)), [
    ...findValid,
    ...[0, 1, 2, 3].flatMap((part) => assign(vector.first + part, v128.load(get(at.position), 16 * part))),
    ...assign(mask.quotes, maskOf(is(ascii.quote))),
    ...assign(mask.backslashes, maskOf(is(ascii.backslash))),
    ...assign(mask.brackets, maskOf(isBracket)),
    ...assign(mask.lineBreaks, maskOf(isEither(ascii.lineFeed, ascii.carriageReturn))),
    ...findEscaped,
    ...findStrings,
    ...writeEvents,
    ...assign(at.position, i32.add(get(at.position), i32.const(64))),
  ]),
  ...i32.sub(get(at.out), i32.const(eventsAt)),
]

/** Node's types have no WebAssembly. */
interface WebAssemblyParts {
  readonly validate: (bytes: Uint8Array) => boolean
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}
interface IndexExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly index: (length: number) => number
}

class VectorStructureIndex implements StructureIndex {
  readonly input: Buffer
  readonly events: Uint32Array
  private readonly call: (length: number) => number

  constructor({ memory, index }: IndexExports) {
    this.input = Buffer.from(memory.buffer, 0, structureBytes)
    this.events = new Uint32Array(memory.buffer, eventsAt, structureBytes)
    this.call = index
  }

  index(length: number): number {
    return this.call(length) >>> 2
  }
}

/** Returns an index for one text: with vector instructions where the processor has them, else the plain one. */
export function createStructureIndex(): StructureIndex {
  const { WebAssembly } = globalThis as unknown as { WebAssembly?: WebAssemblyParts }
  const bytes = writeModule({
    pages,
    globals: ['i64', 'i64'],
    locals: [...types('i32', 3), ...types('v128', 4), ...types('i64', 8)],
    body,
  })
  // Node without a compiler (--jitless) has no WebAssembly, and an old processor none of its vectors.
  if (WebAssembly === undefined || !WebAssembly.validate(bytes)) return new PlainStructureIndex()
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  return new VectorStructureIndex(instance.exports as IndexExports)
}

function types<T extends 'i32' | 'i64' | 'v128'>(type: T, count: number): T[] {
  return new Array<T>(count).fill(type)
}
