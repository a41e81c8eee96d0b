// Servers that the service's tests know how to build and start, each as a process of its own: a benchmark imports nothing
// from the tests of a package. Called by ../kafka/broker.ts and ../archive/store.ts.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Skipped } from '../contender.ts'

/** A server that runs. */
export interface Serving {
  /** Of the process that has the server as its child. */
  readonly pid: number
  /** Ends it, and removes what it stored. */
  close(): Promise<void>
}

/**
 * Starts a server that stores in a folder of its own below `folder`, and returns what its program says of it. `name`: its
 * folder in the tests. Builds it first, where that was not done.
 */
export async function startServing<T extends object>(
  name: 'kafka' | 's3',
  folder: string,
): Promise<(T & Serving) | Skipped> {
  const manifest = createRequire(import.meta.url).resolve('@weir/service/package.json')
  const script = join(dirname(manifest), 'dist-test/servers', name, 'serving.js')
  const child = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(([code]) => Promise.reject(new Error(`${script} ended with ${code}.`))),
  ])) as [string]
  const close = async () => {
    child.stdin.end()
    await closed
  }
  const told = JSON.parse(line) as { fault: string } | T
  if ('fault' in told) {
    await close()
    return { skipped: told.fault }
  }
  return { ...told, pid: child.pid!, close }
}

/**
 * Runs with a server, which is gone afterwards; undefined where there is none, which is told. `what`: the server, for people;
 * `start`: starts it in a folder below `cache`.
 */
export async function withServing<S extends Serving, T>(
  { what, cache, start, tell }: ServingTask<S>,
  run: (server: S) => Promise<T>,
): Promise<T | undefined> {
  const folder = mkdtempSync(join(cache, `${what.toLowerCase().replaceAll(/\W+/g, '-')}-`))
  try {
    const server = await start(folder)
    if ('skipped' in server) {
      tell(`there is no ${what} here, and so nothing is measured: ${server.skipped}`)
      return undefined
    }
    try {
      return await run(server)
    } finally {
      await server.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What `withServing` is given. */
export interface ServingTask<S extends Serving> {
  readonly what: string
  readonly cache: string
  readonly start: (folder: string) => Promise<S | Skipped>
  readonly tell: (text: string) => void
}
