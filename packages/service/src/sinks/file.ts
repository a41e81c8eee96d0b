// The sink `file`. A file is written aside, in the folder where it will be, and renamed when everything succeeded, so
// that nobody ever sees half of it and a failed run leaves what was there. Pipes, devices and open descriptors are
// written directly. Called by commands.

import { accessSync, closeSync, constants, fchmodSync, fchownSync, openSync, unlinkSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { systemCode } from '../errors.ts'
import type { Interrupts } from '../interrupts.ts'
import type { Sink } from '../ports/sink.ts'
import { descriptorSink } from './descriptor.ts'
import { pipeSink } from './pipe.ts'
import { openStdoutSink, stdoutDescriptor } from './stdout.ts'
import type { Target } from './target.ts'
import { writeAll } from './write-all.ts'
import { createError, writeError } from './write-error.ts'

/** How often a pipe is tried again that has no reader yet. */
const pipeRetryMs = 20

/**
 * Opens the sink. `interrupts` learns of the temporary file, so that an interrupt removes it.
 * *Errors*: `ERR_CONNECTOR_CREATE`.
 */
export async function openFileSink(target: Target, interrupts: Interrupts): Promise<Sink> {
  try {
    if (target.fd === stdoutDescriptor) return openStdoutSink()
    if (target.fd !== undefined) return descriptorSink(target.name, target.fd)
    if (target.kind === 'pipe') return pipeSink({ name: target.name, fd: await openPipe(target.path), closes: true })
    if (target.kind === 'device') return await openDevice(target)
    return openAside(target, interrupts)
  } catch (error) {
    throw createError(target.name, error)
  }
}

/** Waits for a reader without a thread that waits in the system, which nothing could interrupt. */
async function openPipe(file: string): Promise<number> {
  for (;;) {
    try {
      return openSync(file, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (systemCode(error) !== 'ENXIO') throw error
      await delay(pipeRetryMs)
    }
  }
}

async function openDevice(target: Target): Promise<Sink> {
  const handle = await open(target.path, 'w')
  let isOpen = true
  const close = async () => {
    if (isOpen) await handle.close()
    isOpen = false
  }
  return {
    name: target.name,
    write: (chunks) => writeOrExplain(target.name, handle.fd, chunks),
    flush: () => Promise.resolve(),
    finish: close,
    discard: () => close().catch(() => undefined),
  }
}

function openAside(target: Target, interrupts: Interrupts): Sink {
  // Renaming asks only the folder; a file that may not be written must not be replaced either.
  if (target.stats !== undefined) accessSync(target.path, constants.W_OK)
  const temporary = path.join(
    path.dirname(target.path),
    // Short enough for any file system, however many bytes the characters of the name take.
    `.${path.basename(target.path).slice(0, 50)}.${randomBytes(6).toString('hex')}.weir`,
  )
  // On the list before it exists, and made in one synchronous step: no moment at which an interrupt misses it.
  const forget = interrupts.add(() => unlinkSync(temporary))
  let fd: number
  try {
    fd = openSync(temporary, 'wx', 0o666)
  } catch (error) {
    forget()
    throw error
  }
  keepOwnerAndMode(fd, target)
  return new AsideSink(target, temporary, fd, forget)
}

/** Gives the new file what the one it replaces had. */
function keepOwnerAndMode(fd: number, target: Target): void {
  if (target.stats === undefined) return
  try {
    fchownSync(fd, target.stats.uid, target.stats.gid)
  } catch {
    // Only the superuser may give files away; then the file becomes the caller's, as with any editor.
  }
  fchmodSync(fd, target.stats.mode & 0o7777)
}

class AsideSink implements Sink {
  readonly name: string
  private readonly target: Target
  private readonly temporary: string
  private fd: number | undefined
  private readonly forget: () => void

  constructor(target: Target, temporary: string, fd: number, forget: () => void) {
    this.name = target.name
    this.target = target
    this.temporary = temporary
    this.fd = fd
    this.forget = forget
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.fd === undefined) throw new Error(`The sink ${this.name} is closed.`)
    await writeOrExplain(this.name, this.fd, chunks)
  }

  /** Nobody sees the file before `finish()`. */
  flush(): Promise<void> {
    return Promise.resolve()
  }

  /** Not synced to the disk: like `cp`, the command ends when the system has the bytes. */
  async finish(): Promise<void> {
    try {
      this.close()
      await rename(this.temporary, this.target.path)
      this.forget()
    } catch (error) {
      throw writeError(this.name, error)
    }
  }

  async discard(): Promise<void> {
    try {
      this.close()
      unlinkSync(this.temporary)
    } catch {
      // The run failed already, and says why; a temporary file that is gone is what was wanted.
    }
    this.forget()
  }

  private close(): void {
    const { fd } = this
    this.fd = undefined
    if (fd !== undefined) closeSync(fd)
  }
}

async function writeOrExplain(name: string, fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  try {
    await writeAll(fd, chunks)
  } catch (error) {
    throw writeError(name, error)
  }
}
