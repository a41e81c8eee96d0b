// Writes a WebAssembly module of one function, from instructions that are nested as expressions are. Knows as much of
// the binary format as structure-vectors.ts needs, its one caller, and no more. Numbers are those of the WebAssembly
// specification, sections 5.4 (instructions) and 5.5 (modules).

/** Instructions, as bytes. */
export type Code = readonly number[]

/** Types of locals and globals. */
export const wasmTypes = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const
type WasmType = keyof typeof wasmTypes

/** Returns an instruction that stands behind its operands. */
function operation(...opcode: number[]): (...operands: Code[]) => Code {
  return (...operands) => [...operands.flat(), ...opcode]
}

/** An instruction of vectors: numbers from 128 on take two bytes, as LEB128 writes them. */
function vectorOperation(opcode: number): (...operands: Code[]) => Code {
  return operation(0xfd, ...unsigned(opcode))
}

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value))],
  add: operation(0x6a),
  sub: operation(0x6b),
  or: operation(0x72),
  shl: operation(0x74),
  lessThan: operation(0x49),
  wrap: operation(0xa7),
  /** `store(address, value)`. */
  store: operation(0x36, 2, 0),
} as const

export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(value)],
  isZero: operation(0x50),
  trailingZeros: operation(0x7a),
  sub: operation(0x7d),
  and: operation(0x83),
  or: operation(0x84),
  xor: operation(0x85),
  shl: operation(0x86),
  shiftSigned: operation(0x87),
  shiftUnsigned: operation(0x88),
  extend: operation(0xad),
} as const

export const v128 = {
  load: (address: Code, byteOffset: number): Code => [...address, 0xfd, 0, 4, ...unsigned(byteOffset)],
  /** All sixteen bytes are this one. */
  splat: (byte: number): Code => [0xfd, 0x0c, ...new Array<number>(16).fill(byte)],
  equalBytes: vectorOperation(0x23),
  or: vectorOperation(0x50),
  /** One bit for each byte: its highest. */
  bitmask: vectorOperation(0x64),
} as const

export const local = {
  get: (index: number): Code => [0x20, ...unsigned(index)],
  set: (index: number, value: Code): Code => [...value, 0x21, ...unsigned(index)],
} as const

export const global = {
  get: (index: number): Code => [0x23, ...unsigned(index)],
  set: (index: number, value: Code): Code => [...value, 0x24, ...unsigned(index)],
} as const

const noResult = 0x40

/** Runs `body` while `condition`, an i32, is not 0. */
export function whileLoop(condition: Code, body: Code): Code {
  const leave = [...condition, 0x45, 0x0d, 1]
  return [0x02, noResult, 0x03, noResult, ...leave, ...body, 0x0c, 0, 0x0b, 0x0b]
}

/** Runs `then` when `condition`, an i32, is not 0, and otherwise `otherwise`. */
export function ifElse(condition: Code, then: Code, otherwise: Code = []): Code {
  return [...condition, 0x04, noResult, ...then, ...(otherwise.length === 0 ? [] : [0x05, ...otherwise]), 0x0b]
}

/** What a module is made of. */
export interface ModuleParts {
  /** Pages of 64 KiB, exported as `memory`. */
  readonly pages: number
  /** Variables that keep their value from call to call, 0 at first. */
  readonly globals: readonly WasmType[]
  /** Locals behind the parameter, which is local 0. */
  readonly locals: readonly WasmType[]
  /** The function `index`: takes an i32 and leaves one behind. */
  readonly body: Code
}

/** Returns the module's bytes. */
export function writeModule({ pages, globals, locals, body }: ModuleParts): Uint8Array {
  const zeros = { i32: i32.const(0), i64: i64.const(0n), v128: v128.splat(0) }
  const code = [...list(locals.map((type) => [1, wasmTypes[type]])), ...body, 0x0b]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, 1, wasmTypes.i32, 1, wasmTypes.i32]]),
    ...section(3, [[0]]),
    ...section(5, [[0, ...unsigned(pages)]]),
    ...section(
      6,
      globals.map((type) => [wasmTypes[type], 1, ...zeros[type], 0x0b]),
    ),
    ...section(7, [
      [...text('memory'), 2, 0],
      [...text('index'), 0, 0],
    ]),
    ...section(10, [[...unsigned(code.length), ...code]]),
  ])
}

function section(id: number, entries: readonly Code[]): Code {
  const content = list(entries)
  return [id, ...unsigned(content.length), ...content]
}

function list(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()]
}

function text(name: string): Code {
  return list([...Buffer.from(name)].map((byte) => [byte]))
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn)
  const rest = value >> 7n
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}
