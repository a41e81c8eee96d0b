// The rule file as a file: its text, whether it may be replaced, its replacement, and the audit file beside it. What the
// text means is the engine's to say. Called by ../pipeline/rules-control.ts.

import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { access, constants, open, realpath, stat } from 'node:fs/promises'
import path from 'node:path'

import { limits } from '@weir/engine'
import type { RuleSource, RuleText } from '@weir/engine'

import { syncFolder, writeAside } from '../durable-file.ts'
import type { FileAside } from '../durable-file.ts'
import { ConfigError, ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'

/** Permissions of files that are made here, until they get those of what they replace. */
const newFileMode = 0o640

/**
 * Returns the rules of a file as text, so that what is judged and what is put in force are one and the same; or the path
 * where the engine has more to say of the file: that it is missing, too large, or no UTF-8.
 * *Errors*: `ERR_CONFIG_UNREADABLE` for a pipe or a device; `ERR_CONNECTOR_OPEN`, retryable, when the system is short of
 * something at this moment.
 */
export async function readRuleFile(file: string): Promise<RuleText | string> {
  try {
    const stats = await stat(file)
    if (stats.isDirectory() || stats.size > limits.ruleFileBytes) return file
    // The engine would wait for somebody to write into it.
    if (!stats.isFile()) {
      throw new ConfigError('ERR_CONFIG_UNREADABLE', `Cannot read ${file}: it is no regular file.`, { file })
    }
    const bytes = await readRegularFile(file, limits.ruleFileBytes)
    if (!isUtf8(bytes) || bytes.length > limits.ruleFileBytes) return file
    return { text: bytes.toString('utf8'), format: formatOf(file), directory: path.dirname(file), name: file }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if (!mayPass(error)) return file
    throw new ConnectorError('ERR_CONNECTOR_OPEN', `Cannot open ${file}: ${systemReason(error)}.`, {
      retryable: true,
      details: { input: file, system: systemCode(error) },
      cause: error,
    })
  }
}

/** Returns the form that a rule file has by its name, as the engine reads it. */
export function formatOf(file: string): 'json' | 'yaml' {
  return path.extname(file).toLowerCase() === '.json' ? 'json' : 'yaml'
}

/** Returns the text of a source, where it has one. */
export function textOf(source: RuleSource): string | undefined {
  return typeof source === 'object' && 'text' in source && typeof source.text === 'string' ? source.text : undefined
}

/** Returns why this process may not replace the file, in words, or undefined when it may. */
export async function whyNotReplaceable(file: string): Promise<string | undefined> {
  try {
    const target = await realpath(file)
    if (!(await stat(target)).isFile()) return `${file} is no regular file`
    await access(target, constants.W_OK)
    await access(path.dirname(target), constants.W_OK)
    return undefined
  } catch (error) {
    return systemReason(error)
  }
}

/** A new content that lies beside its file, safe on the disk, and is not in its place yet. */
export interface Replacement {
  /** Puts it in the file's place. *Errors*: `ERR_CONNECTOR_WRITE`; then the file is as it was. */
  commit(): Promise<void>
  /** Takes it away. Never throws. */
  abandon(): Promise<void>
}

/** Writes a new content beside the file, links followed. *Errors*: `ERR_CONNECTOR_WRITE`. */
export async function prepareReplacement(file: string, text: string): Promise<Replacement> {
  try {
    const target = await realpath(file)
    const { mode, uid, gid } = await stat(target)
    const name = `.${path.basename(target).slice(0, 50)}.${randomBytes(6).toString('hex')}.weir`
    const written = await writeAside(target, {
      aside: path.join(path.dirname(target), name),
      mode: newFileMode,
      write: async (handle) => {
        // Only the superuser may give files away; then the file becomes this user's, as with any editor.
        await handle.chown(uid, gid).catch(() => undefined)
        await handle.chmod(mode & 0o7777)
        await handle.writeFile(text)
      },
    })
    return { commit: () => putInPlace(file, written), abandon: () => written.close() }
  } catch (error) {
    throw writeFault(file, error)
  }
}

async function putInPlace(file: string, written: FileAside): Promise<void> {
  try {
    await written.putInPlace()
  } catch (error) {
    // Where the name could only not be synced, a crash of the machine may bring the old file back, which is whole as well.
    // Taking the name back would be no safer.
    if (!written.isInPlace) throw writeFault(file, error)
  } finally {
    await written.close()
  }
}

/** Appends a line to the audit file, and returns when it is safe. *Errors*: `ERR_CONNECTOR_WRITE`. */
export async function appendAudit(file: string, entry: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    const handle = await open(file, 'a', newFileMode)
    try {
      // Before the first line, so that a file with lines is one whose name is safe, whatever failed on the way.
      if ((await handle.stat()).size === 0) await syncFolder(path.dirname(file))
      await handle.appendFile(JSON.stringify(entry) + '\n')
      await handle.datasync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw writeFault(file, error)
  }
}

function writeFault(file: string, error: unknown): ConnectorError {
  return new ConnectorError('ERR_CONNECTOR_WRITE', `Cannot write ${file}: ${systemReason(error)}.`, {
    details: { output: file, system: systemCode(error) },
    cause: error,
  })
}
