// Ceph's radosgw for tests by command, the second opinion on what a store does, and what some providers run: a monitor, a
// store of objects in memory, a manager and the gateway, with a folder and ports of their own. Never part of `npm test`; takes
// Debian's ceph-mon, ceph-osd, ceph-mgr, radosgw and ceph-common, and Linux. Called by store-radosgw.test.ts and stores.ts.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { skipWithout } from '../../required.ts'
import type { Owner } from '../kafka/broker.ts'
import { takePorts } from '../ports.ts'
import { makeBucket } from './reader.ts'
import { testKeys } from './server.ts'
import type { RunningStore } from './server.ts'

const programs = ['ceph-mon', 'ceph-osd', 'ceph-mgr', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool', 'ceph-authtool']
const packages = 'ceph-mon ceph-osd ceph-mgr radosgw ceph-common'
/** Ten seconds on a quiet machine. */
const startWithinMs = 180_000
const betweenAsksMs = 200
const shownLogCharacters = 2000

/**
 * What to give node:test as `skip` for a test that needs radosgw. It is skipped where nobody asks for it by naming `radosgw` in
 * WEIR_REQUIRE, also where it is installed: it takes half a minute and 750 MB.
 */
export function skipWithoutRadosgw(): string | false {
  const isAsked = (process.env['WEIR_REQUIRE'] ?? '').split(',').includes('radosgw')
  if (!isAsked) return 'radosgw runs by command only: WEIR_REQUIRE=radosgw npm test -- store-radosgw'
  const fault = whyNoRadosgw()
  return skipWithout('radosgw', fault === undefined, fault ?? '')
}

/** Returns what to do where the machine has no radosgw; nothing where it has. */
export function whyNoRadosgw(): string | undefined {
  const missing = programs.filter((name) => spawnSync('which', [name], { stdio: 'ignore' }).status !== 0)
  if (missing.length === 0) return undefined
  return `Debian has ${missing.join(', ')} in ${packages}, to be installed without what they recommend`
}

/**
 * Starts one and resolves when it answers and has the bucket `logs`. It is ended with its owner. Its `kill()` and `start()` are
 * about the gateway alone: what is stored lies in the memory of another process.
 */
export async function startRadosgw(owner: Owner): Promise<RunningStore> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weir-rados-'))
  const block = await takePorts(3)
  const ceph = new Ceph(folder, block.ports)
  owner.after(async () => {
    if (owner.passed === false) owner.diagnostic?.(ceph.logEnd())
    await ceph.end()
    block.release()
    await rm(folder, { recursive: true, force: true })
  })
  try {
    ceph.prepare()
    await ceph.start()
  } catch (error) {
    throw new Error(`radosgw did not start: ${(error as Error).message}\n${ceph.logEnd()}`, { cause: error })
  }
  const endpoint = `http://127.0.0.1:${block.ports[2]}`
  const server = { endpoint, ...testKeys, kill: () => ceph.killGateway(), start: () => ceph.startGateway() }
  await makeBucket(server, 'logs')
  return server
}

class Ceph {
  readonly #folder: string
  readonly #ports: readonly number[]
  readonly #settings: string
  readonly #log: string
  readonly #clusterId = randomUUID()
  readonly #children: ChildProcess[] = []
  /** The one of them that clients speak to; undefined while it is killed. */
  #gateway: ChildProcess | undefined

  constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder
    this.#ports = ports
    this.#settings = path.join(folder, 'ceph.conf')
    this.#log = path.join(folder, 'said.log')
  }

  /** Writes what the processes read: settings, keys, and where the monitor is. */
  prepare(): void {
    const run = path.join(this.#folder, 'run')
    for (const name of ['mon', 'osd', 'rgw', 'mgr', 'run']) mkdirSync(path.join(this.#folder, name))
    writeFileSync(this.#settings, this.#settingsText())
    const [v2, v1] = this.#ports
    const address = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`
    this.#run('monmaptool', ['--create', '--fsid', this.#clusterId, '--addv', 'a', address, `${run}/monmap`])
    const keyring = `${run}/keyring`
    // Without keys, radosgw hangs.
    this.#run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
    const rights = ['mon', 'osd', 'mgr'].flatMap((name) => ['--cap', name, 'allow *'])
    for (const name of ['client.admin', 'client.rgw', 'osd.0', 'mgr.x']) {
      this.#run('ceph-authtool', [keyring, '--gen-key', '-n', name, ...rights])
    }
    copyFileSync(keyring, `${keyring}.mon`)
    this.#run('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', `${run}/monmap`, '--keyring', `${keyring}.mon`])
  }

  async start(): Promise<void> {
    this.#spawn('ceph-mon', ['-i', 'a', '-f'])
    const id = randomUUID()
    this.#run('ceph', ['osd', 'new', id, '0'])
    this.#run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', id])
    this.#spawn('ceph-osd', ['-i', '0', '-f'])
    this.#spawn('ceph-mgr', ['-i', 'x', '-f'])
    this.#spawnGateway()
    const keys = ['--access-key', testKeys.accessKey, '--secret-key', testKeys.secretKey]
    this.#run('radosgw-admin', ['-n', 'client.rgw', 'user', 'create', '--uid=t', '--display-name=t', ...keys])
    await this.#answering()
  }

  /** Resolves when it answers. */
  async startGateway(): Promise<void> {
    if (this.#gateway !== undefined) throw new Error('The gateway runs already.')
    this.#spawnGateway()
    await this.#answering()
  }

  async killGateway(): Promise<void> {
    const gateway = this.#gateway
    if (gateway === undefined) return
    this.#gateway = undefined
    this.#children.splice(this.#children.indexOf(gateway), 1)
    await kill(gateway)
  }

  async end(): Promise<void> {
    for (const child of this.#children.toReversed()) await kill(child)
  }

  logEnd(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').slice(-shownLogCharacters) : ''
  }

  async #answering(): Promise<void> {
    const until = performance.now() + startWithinMs
    while (performance.now() < until) {
      const dead = this.#children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)
      if (dead !== undefined) throw new Error(`${dead.spawnargs[0]} ended with ${dead.signalCode ?? dead.exitCode}`)
      const isThere = await fetch(`http://127.0.0.1:${this.#ports[2]}/`).then(
        async (answer) => (await answer.text()) !== '',
        () => false,
      )
      if (isThere) return
      await new Promise((resolve) => setTimeout(resolve, betweenAsksMs))
    }
    throw new Error(`not within ${startWithinMs / 1000} s`)
  }

  #run(program: string, args: readonly string[]): void {
    const all = program === 'monmaptool' || program === 'ceph-authtool' ? args : ['-c', this.#settings, ...args]
    try {
      execFileSync(program, all, { stdio: 'pipe', timeout: startWithinMs })
    } catch (error) {
      const said = String((error as { stderr?: Buffer }).stderr ?? '').trim()
      throw new Error(`${program} ${args[0]} failed: ${said.slice(-shownLogCharacters)}`, { cause: error })
    }
  }

  #spawnGateway(): void {
    this.#gateway = this.#spawn('radosgw', ['-n', 'client.rgw', '-f'])
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const line = ['--pdeathsig', 'KILL', program, '-c', this.#settings, ...args]
    const child = spawn('setpriv', line, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk: Buffer) => appendFileSync(this.#log, chunk))
    child.stderr.on('data', (chunk: Buffer) => appendFileSync(this.#log, chunk))
    this.#children.push(child)
    return child
  }

  #settingsText(): string {
    const [v2, v1, port] = this.#ports
    const at = this.#folder
    const global = {
      ...{ keyring: `${at}/run/keyring`, fsid: this.#clusterId, mon_initial_members: 'a' },
      mon_host: `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`,
      ...{ public_addr: '127.0.0.1', cluster_addr: '127.0.0.1', ms_bind_ipv4: true, ms_bind_ipv6: false },
      ...{ osd_pool_default_size: 1, osd_pool_default_min_size: 1, mon_allow_pool_size_one: true },
      ...{ osd_pool_default_pg_num: 4, osd_pool_default_pgp_num: 4, osd_pool_default_pg_autoscale_mode: 'off' },
      ...{ osd_crush_chooseleaf_type: 0, osd_objectstore: 'memstore', memstore_device_bytes: 1 << 30 },
      ...{ memstore_page_set: false, mon_data_avail_crit: 1, mon_data_avail_warn: 2, mgr_initial_modules: '' },
      ...{ log_file: `${at}/run/$name.log`, run_dir: `${at}/run`, pid_file: `${at}/run/$name.pid` },
      admin_socket: `${at}/run/$name.asok`,
    }
    const gateway = {
      ...{ rgw_data: `${at}/rgw`, rgw_frontends: `beast endpoint=127.0.0.1:${port}` },
      ...{ rgw_enable_apis: 's3, admin', rgw_thread_pool_size: 32 },
    }
    const sections = {
      ...{ global, 'mon.a': { mon_data: `${at}/mon` }, 'osd.0': { osd_data: `${at}/osd` } },
      ...{ 'mgr.x': { mgr_data: `${at}/mgr` }, 'client.rgw': gateway },
    }
    const lines = Object.entries(sections).flatMap(([name, settings]) => [
      `[${name}]`,
      ...Object.entries(settings).map(([key, value]) => `${key} = ${value}`),
    ])
    return `${lines.join('\n')}\n`
  }
}

/** Resolves when it is gone. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'close')
}
