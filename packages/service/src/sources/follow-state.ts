// Where the source that follows a file stands: how a file is known again whatever it is called by now, and the file that
// keeps the position over a restart. Reads no records. Called by follow.ts and rotation.ts.

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'

import { replaceDurably } from '../durable-file.ts'
import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import { lockFile } from '../folder-lock.ts'
import type { Lock } from '../folder-lock.ts'
import { makeFolders } from '../folders.ts'
import { readRegularFile } from '../regular-file.ts'

/** What the source needs to go on. Bytes are counted inflated where the file is compressed. */
export interface FollowPosition {
  /** Numbers of device and file, in decimal: they may be larger than numbers of JavaScript. */
  readonly dev: string
  readonly ino: string
  /** Where a line begins. */
  readonly byte: number
  readonly head: Fingerprint
}

/** The first bytes of a file, by which another one of the same number is told apart. */
export interface Fingerprint {
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** Bytes that a fingerprint is made of, at most. */
export const fingerprintBytes = 1024

/** Returns the fingerprint of the first bytes of a file, as it is stored. */
export async function fingerprintOf(handle: FileHandle, bytes: number): Promise<Fingerprint> {
  const head = Buffer.alloc(Math.min(bytes, fingerprintBytes))
  let filled = 0
  while (filled < head.length) {
    const { bytesRead } = await handle.read(head, filled, head.length - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return { bytes: filled, sha256: createHash('sha256').update(head.subarray(0, filled)).digest('hex') }
}

/** Returns whether the file still begins as it did. */
export async function beginsWith(handle: FileHandle, head: Fingerprint): Promise<boolean> {
  const now = await fingerprintOf(handle, head.bytes)
  return now.bytes === head.bytes && now.sha256 === head.sha256
}

const stateKind = 'weir-follow'
const stateFormat = 1
const mostStateBytes = 1 << 20

/** Reads the state of an input. Undefined: there is none yet. *Errors*: `ERR_CONNECTOR_STATE`. */
async function readState(stateFile: string, input: string): Promise<FollowPosition | undefined> {
  let text: string
  try {
    text = (await readRegularFile(stateFile, mostStateBytes)).toString('utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw stateError(stateFile, `Cannot read the state file ${stateFile}: ${systemReason(error)}.`, error)
  }
  const state = parseState(text)
  if (state === undefined)
    throw stateError(stateFile, `The state file ${stateFile} is damaged, or none of this program.`)
  if (state.input !== path.resolve(input)) {
    throw stateError(stateFile, `The state file ${stateFile} is of another input, ${state.input}.`)
  }
  return state.position
}

/** A state file that this process owns, and what it held; no position where there was none. */
export interface OpenState {
  readonly position: FollowPosition | undefined
  readonly lock: Lock
}

/**
 * Makes this process the one that keeps the position of an input in the state file, and its folder where that is missing. A
 * position that can never be stored would have the same records delivered again and again, so this is found out before
 * any is. *Errors*: `ERR_CONNECTOR_STATE`; those of `lockFile`.
 */
export async function openState(stateFile: string, input: string): Promise<OpenState> {
  const folder = path.dirname(path.resolve(stateFile))
  try {
    await makeFolders(folder, 0o750)
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw stateError(stateFile, `The state file ${stateFile} cannot be written: ${systemReason(error)}.`, error)
  }
  const lock = await lockFile(stateFile)
  try {
    return { position: await readState(stateFile, input), lock }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Replaces the state. Resolves when it is safe: there is always a whole one. *Errors*: `ERR_CONNECTOR_STATE`. */
export async function writeState(stateFile: string, input: string, position: FollowPosition): Promise<void> {
  const { dev, ino, byte, head } = position
  const state = { state: stateKind, format: stateFormat, input: path.resolve(input), dev, ino, byte, head }
  try {
    await replaceDurably(stateFile, {
      aside: `${stateFile}.new`,
      mode: 0o640,
      write: (handle) => handle.writeFile(JSON.stringify(state) + '\n'),
    })
  } catch (error) {
    throw stateError(stateFile, `Cannot write the state file ${stateFile}: ${systemReason(error)}.`, error)
  }
}

function parseState(text: string): { input: string; position: FollowPosition } | undefined {
  try {
    const { state, format, input, dev, ino, byte, head } = JSON.parse(text) as Record<string, unknown>
    const { bytes, sha256 } = head as Record<string, unknown>
    const isState =
      state === stateKind &&
      format === stateFormat &&
      typeof input === 'string' &&
      typeof dev === 'string' &&
      typeof ino === 'string' &&
      isCount(byte) &&
      isCount(bytes) &&
      typeof sha256 === 'string'
    return isState ? { input, position: { dev, ino, byte, head: { bytes, sha256 } } } : undefined
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function stateError(stateFile: string, message: string, cause?: unknown): ConnectorError {
  const details = { stateFile, system: systemCode(cause) }
  return new ConnectorError('ERR_CONNECTOR_STATE', message, { retryable: mayPass(cause), details, cause })
}
