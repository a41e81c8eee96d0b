// Ends the process at a step of what it does with files: a preload for Node's `--import`. The environment variable FAULT_DIE_AT
// says where, as STEP:WHEN:COUNT: before the step, after it, or `torn`, in the middle of a write; and how many
// such steps come first. Only tests use it.

import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { isMainThread } from 'node:worker_threads'

type Call = (...args: unknown[]) => unknown
type When = 'before' | 'after'

const [wanted, when, count] = (process.env['FAULT_DIE_AT'] ?? '').split(':')
let left = Number(count)
const names = new Map<number, string>()

function die(): void {
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing may happen meanwhile.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** What a name is in the folder of a sink. */
function kindOf(name: string): string {
  if (path.basename(name).startsWith('.weir-journal')) return 'journal'
  if (/^\.weir-(lock|unlisted)/.test(path.basename(name))) return 'lock'
  return name.endsWith('.ndjson') || name.endsWith('.gz') ? 'data' : 'folder'
}

/** Whether the process ends here. Counts the step once it has come to `at`. */
function isHere(step: string, at: string): boolean {
  return step === wanted && at === when && left-- === 0
}

function atStep(step: string, at: When): void {
  if (isHere(step, at)) die()
}

/** Has a function that returns a promise end the process. */
function patch(owner: object, name: string, stepOf: (self: unknown, args: unknown[]) => string): void {
  const functions = owner as Record<string, Call>
  const original = functions[name] as Call
  functions[name] = async function patched(this: unknown, ...args: unknown[]) {
    const step = stepOf(this, args)
    atStep(step, 'before')
    const result = await original.apply(this, args)
    atStep(step, 'after')
    return result
  }
}

function nameOf(self: unknown): string {
  return names.get((self as FileHandle).fd) ?? ''
}

/** Has a function that writes to a descriptor and calls back end the process. */
function patchWrite(name: 'write' | 'writev'): void {
  const functions = fs as unknown as Record<string, Call>
  const original = functions[name] as Call
  const patched = (fd: number, bytes: Uint8Array | readonly Uint8Array[], ...rest: unknown[]) => {
    const step = `${kindOf(names.get(fd) ?? '')}-write`
    atStep(step, 'before')
    if (isHere(step, 'torn')) {
      const all = Buffer.concat(Array.isArray(bytes) ? (bytes as Uint8Array[]) : [bytes as Uint8Array])
      fs.writeSync(fd, all, 0, all.length >>> 1)
      die()
    }
    const callback = rest.pop() as Call
    return original(fd, bytes, ...rest, (...results: unknown[]) => {
      atStep(step, 'after')
      callback(...results)
    })
  }
  // Among them what util.promisify goes by.
  functions[name] = Object.defineProperties(patched, Object.getOwnPropertyDescriptors(original)) as Call
}

function patchOpen(): void {
  const functions = fs.promises as unknown as Record<string, Call>
  const original = functions['open'] as Call
  functions['open'] = async (...args: unknown[]) => {
    const step = `${kindOf(String(args[0]))}-open`
    atStep(step, 'before')
    const handle = (await original(...args)) as FileHandle
    names.set(handle.fd, String(args[0]))
    atStep(step, 'after')
    return handle
  }
}

if (isMainThread && wanted !== '') {
  const handle = await fs.promises.open(import.meta.filename, 'r')
  const handles = Object.getPrototypeOf(handle) as object
  await handle.close()
  for (const name of ['sync', 'datasync']) patch(handles, name, (self) => `${kindOf(nameOf(self))}-sync`)
  patch(handles, 'truncate', (self) => `${kindOf(nameOf(self))}-truncate`)
  patch(fs.promises, 'rename', (_, [from]) => `${kindOf(String(from))}-rename`)
  patch(fs.promises, 'truncate', (_, [name]) => `${kindOf(String(name))}-truncate`)
  patch(fs.promises, 'rm', (_, [name]) => `${kindOf(String(name))}-remove`)
  patchOpen()
  patchWrite('write')
  patchWrite('writev')
  syncBuiltinESMExports()
}
