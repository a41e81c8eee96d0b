// Reads the files that a command line names and that are needed whole: rules and settings. They may be pipes, as the shell
// makes them of `<(…)`, and a pipe may have a writer that never writes: it is read through the event loop, so that a signal
// ends the command all the same. What the bytes mean is for others to say. Called by the commands beside it.

import { isUtf8 } from 'node:buffer'
import { closeSync, constants, openSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import path from 'node:path'
import { isatty, ReadStream } from 'node:tty'

import { limits } from '@weir/engine'
import type { RuleText } from '@weir/engine'

import type { NamedText } from '../config/original.ts'
import { ConfigError, systemCode, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'
import { PipeReader } from '../sources/pipe.ts'

/** As much as a rule file may hold, and more than any settings do. */
const mostBytes = limits.ruleFileBytes

/**
 * Returns what the engine is to be given for the rule file of a command line: its path, or the rules themselves where they
 * come from a pipe or a terminal, which can be read once only. *Errors*: `ERR_CONFIG_UNREADABLE`, also for a device.
 */
export async function readRules(file: string): Promise<RuleText | string> {
  try {
    const bytes = await readStream(file)
    return bytes === undefined ? file : { text: textOf(bytes), directory: path.dirname(file), name: file }
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Reads a file of settings as text. *Errors*: `ERR_CONFIG_UNREADABLE`, with the system's `code` in its details. */
export async function readSettingsFile(name: string): Promise<NamedText> {
  try {
    // Read with replacements where it is not UTF-8, names of files in it would become others.
    return { name, text: textOf((await readStream(name)) ?? (await readRegularFile(name, mostBytes))) }
  } catch (error) {
    throw unreadable(name, error)
  }
}

/** Returns whether the path leads to something that gives what it holds only once. False where there is nothing. */
export function isReadOnce(file: string): boolean {
  const stats = statOf(file)
  return stats !== undefined && !stats.isFile() && !stats.isDirectory()
}

function unreadable(name: string, error: unknown): ConfigError {
  return new ConfigError(
    'ERR_CONFIG_UNREADABLE',
    `Cannot read ${name === '' ? '""' : name}: ${systemReason(error)}.`,
    { file: name, code: systemCode(error) },
    { cause: error },
  )
}

/** Returns the text without a byte order mark. */
function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  return new TextDecoder().decode(bytes)
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file)
  } catch {
    // Whoever opens it has the reason.
    return undefined
  }
}

/** Returns what a pipe or a terminal gives until its end; undefined where the path leads to neither. */
async function readStream(file: string): Promise<Uint8Array | undefined> {
  const stats = statOf(file)
  if (stats?.isFIFO() === true) return gather(new PipeReader(openNow(file)))
  if (stats?.isCharacterDevice() !== true && stats?.isBlockDevice() !== true) return undefined
  const fd = openNow(file)
  if (isatty(fd)) return gather(new ReadStream(fd))
  closeSync(fd)
  // One may have no end, and another may not answer, which no signal could interrupt.
  throw new Error('it is a device; name a file or a pipe')
}

/** Opens without waiting: for whoever is to write into a pipe, or for a device that is not ready. */
function openNow(file: string): number {
  return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    // The memory of a pipe's chunk is used again.
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`)
  }
  return Buffer.concat(chunks)
}
