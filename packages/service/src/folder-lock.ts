// A folder, or a file in one, has one owner: a process that listens on a Unix socket in the folder. The system closes the
// socket with the process, however it ends, so that nothing has to be cleaned up before the next one may begin. Binds what
// is on one machine, not what several machines mount. Called by sinks and sources.

import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import path from 'node:path'

import { ConnectorError, mayPass, systemCode, systemReason } from './errors.ts'

// Taking a lock that a dead process left behind must not take one that is alive. So nobody ever removes or replaces a
// name that somebody else may hold: each claim is a socket with a name of its own, and a claim whose process is dead
// stays dead. Whoever claims listens first and looks at the other claims afterwards; of two that do so at once, at
// least one sees the other. The one that sees a lower name or an owner gives up; the other waits until it has.

const claimPrefix = '.weir-lock'
const unfinishedPrefix = '.weir-unlisted-'
/** Nobody needs longer to list a claim; what is older was left behind. */
const listingMs = 60_000
/** Longest path of a socket that every system takes; Linux takes 107 bytes, macOS 103. */
const longestPath = 100
/** Time in which a living process says whether it owns the folder; one that does not is taken for its owner. */
const answerMs = 5000

/** A folder or file that this process owns. */
export interface Lock {
  /** Gives it back. Never throws. */
  release(): Promise<void>
}

/**
 * Makes this process, and in it the caller, the one owner of a folder.
 * *Errors*: `ERR_CONNECTOR_LOCKED` when it has one, `ERR_CONNECTOR_CREATE` when it can hold no sockets.
 */
export function lockFolder(folder: string): Promise<Lock> {
  return lock({ folder, claims: `${claimPrefix}-`, name: folder })
}

/** The same for a file, which need not be there yet, in a folder that is. Files of one folder have an owner each. */
export function lockFile(file: string): Promise<Lock> {
  // The path of a socket has little room for names.
  const digest = createHash('sha256').update(path.basename(file)).digest('hex').slice(0, 16)
  return lock({ folder: path.dirname(path.resolve(file)), claims: `${claimPrefix}@${digest}-`, name: file })
}

/** What is claimed. */
interface Claimed {
  readonly folder: string
  /** What names of claims of it begin with. */
  readonly claims: string
  /** What messages call it. */
  readonly name: string
}

async function lock(claimed: Claimed): Promise<Lock> {
  const claim = new Claim(claimed)
  try {
    await claim.begin()
    await claim.outlast()
    return claim
  } catch (error) {
    await claim.release()
    if (error instanceof ConnectorError) throw error
    const message = `Cannot create the lock of ${claimed.name}: ${systemReason(error)}.`
    const details = { output: claimed.name, system: systemCode(error) }
    throw new ConnectorError('ERR_CONNECTOR_CREATE', message, { retryable: mayPass(error), details, cause: error })
  }
}

class Claim implements Lock {
  private readonly claimed: Claimed
  private readonly folder: string
  private readonly id = `${Date.now().toString(36)}-${process.pid}-${randomBytes(6).toString('hex')}`
  private readonly server: Server
  /** Others that ask, and wait for what becomes of this claim. */
  private readonly asking = new Set<Socket>()
  private state: 'claims' | 'owns' | 'is over' = 'claims'
  private handle: FileHandle | undefined

  constructor(claimed: Claimed) {
    this.claimed = claimed
    this.folder = claimed.folder
    this.server = createServer((socket) => this.answer(socket))
    this.server.unref()
  }

  private get name(): string {
    return this.claimed.claims + this.id
  }

  /** Listens, and shows the name only afterwards: a socket that is not yet listened to looks like one of the dead. */
  async begin(): Promise<void> {
    this.handle = await open(this.folder, constants.O_RDONLY | constants.O_DIRECTORY)
    const unfinished = unfinishedPrefix + this.id
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.socketPath(unfinished), () => {
        this.server.removeListener('error', reject)
        // Accepting may fail when there are no descriptors left: whoever asks then takes the silence for an owner.
        this.server.on('error', () => undefined)
        resolve()
      })
    })
    await rename(path.join(this.folder, unfinished), path.join(this.folder, this.name))
  }

  /** Resolves when no other claim is left that counts. */
  async outlast(): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (isLeftOver(name)) await rm(path.join(this.folder, name), { force: true })
      if (name === this.name || !name.startsWith(this.claimed.claims)) continue
      const other = await this.ask(name, name > this.name)
      if (other === 'dead') await rm(path.join(this.folder, name), { force: true })
      else if (other === 'alive') throw this.heldError(name)
    }
    this.state = 'owns'
    for (const socket of this.asking) socket.end(String(process.pid))
  }

  async release(): Promise<void> {
    this.state = 'is over'
    for (const socket of this.asking) socket.destroy()
    await rm(path.join(this.folder, this.name), { force: true }).catch(() => undefined)
    if (this.server.listening) await new Promise<void>((resolve) => this.server.close(() => resolve()))
    await this.handle?.close().catch(() => undefined)
    this.handle = undefined
  }

  /** Returns a path of the socket that is short enough, whatever the folder's is. */
  private socketPath(name: string): string {
    const direct = path.join(this.folder, name)
    if (Buffer.byteLength(direct) <= longestPath || process.platform !== 'linux') return direct
    return `/proc/self/fd/${this.handle?.fd}/${name}`
  }

  private answer(socket: Socket): void {
    socket.on('error', () => undefined)
    socket.unref()
    this.asking.add(socket)
    socket.once('close', () => this.asking.delete(socket))
    if (this.state === 'owns') socket.end(String(process.pid))
    else if (this.state === 'is over') socket.destroy()
    // Nothing is ever sent here; read, so that the other side's leaving is seen.
    socket.resume()
  }

  /** Asks the process behind a claim. `isPatient`: waits until it owns the folder, or has given up and is gone. */
  private ask(name: string, isPatient: boolean): Promise<'dead' | 'alive' | 'gone'> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socketPath(name))
      socket.once('error', (error) => {
        const code = systemCode(error)
        if (code === 'ECONNREFUSED') resolve('dead')
        else if (code === 'ENOENT') resolve('gone')
        // Its queue of connections is full.
        else if (code === 'EAGAIN') resolve('alive')
        // It closed before it could answer: what became of it shows the next time.
        else if (code === 'ECONNRESET' || code === 'EPIPE') resolve(this.ask(name, isPatient))
        else reject(error)
      })
      socket.once('connect', () => {
        if (isPatient) return
        socket.destroy()
        resolve('alive')
      })
      socket.once('data', () => {
        socket.destroy()
        resolve('alive')
      })
      socket.once('end', () => resolve('gone'))
      socket.setTimeout(answerMs, () => {
        socket.destroy()
        resolve('alive')
      })
    })
  }

  private heldError(name: string): ConnectorError {
    const { claims, name: claimed } = this.claimed
    const pid = Number(name.slice(claims.length).split('-')[1])
    const owner = pid === process.pid ? 'another part of this process' : `process ${pid}`
    return new ConnectorError('ERR_CONNECTOR_LOCKED', `Cannot write to ${claimed}: it belongs to ${owner}.`, {
      retryable: true,
      details: { output: claimed, pid },
    })
  }
}

function isLeftOver(name: string): boolean {
  if (!name.startsWith(unfinishedPrefix)) return false
  const begun = Number.parseInt(name.slice(unfinishedPrefix.length), 36)
  return !(Math.abs(Date.now() - begun) < listingMs)
}
