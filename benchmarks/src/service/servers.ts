// The servers that take the bodies: `weir serve`, the contender in Node, and nginx where it is installed. Each is a
// process of its own with a folder for what it keeps. Called by the cases.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weirCommand } from '../inputs.ts'
import type { Target } from './connection.ts'
import { Running, freePort } from './processes.ts'

/** A server that takes bodies. */
export interface Server {
  readonly target: Target
  /** What it keeps. */
  readonly folder: string
  readonly process: Running
  /** Of `weir serve`: where its admin port is. */
  readonly admin?: string
}

/** What a server is started with. */
export interface ServerOptions {
  /** An empty folder of its own. */
  readonly folder: string
  readonly rules: object
  /** Further settings of `weir serve`, as `--set` takes them. */
  readonly settings?: readonly string[]
  /** Bytes a second that the disk takes, for `weir serve`: see slow-disk.ts. */
  readonly diskBytesPerSecond?: number
  /** Flags of Node, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[]
}

const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

/** Starts `weir serve`: HTTP, rules, a folder, dead letters beside it. */
export async function startWeir(options: ServerOptions): Promise<Server> {
  const { folder, rules, settings = [], diskBytesPerSecond, nodeFlags = [] } = options
  const [port, adminPort] = [await freePort(), await freePort()]
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rules))
  const config = {
    pipelines: {
      bench: {
        source: { http: { listen: `127.0.0.1:${port}` } },
        rules: 'rules.json',
        routes: { keep: { directory: { path: 'keep' } }, drop: { discard: {} } },
        deadLetter: { directory: { path: 'dead-letter' } },
      },
    },
    admin: { listen: `127.0.0.1:${adminPort}` },
    log: { level: 'warn' },
  }
  writeFileSync(join(folder, 'weir.json'), JSON.stringify(config, undefined, 2))
  const flags = [...nodeFlags, ...(diskBytesPerSecond === undefined ? [] : ['--import', script('slow-disk')])]
  const sets = settings.flatMap((setting) => ['--set', setting])
  const args = [...flags, weirCommand(), 'serve', '--config', join(folder, 'weir.json'), ...sets]
  const env = { ...process.env, BENCH_DISK_BYTES_PER_SECOND: String(diskBytesPerSecond ?? '') }
  const running = new Running(process.execPath, args, { env, cwd: folder })
  const admin = `http://127.0.0.1:${adminPort}`
  await running.ready(async () => (await ask(`${admin}/readyz`)).status === 200)
  return { target: { host: '127.0.0.1', port, path: '/ingest' }, folder: join(folder, 'keep'), process: running, admin }
}

/** Starts the contender of node-server.ts. */
export async function startNode({ folder, rules, nodeFlags = [] }: ServerOptions): Promise<Server> {
  const port = await freePort()
  const kept = join(folder, 'keep')
  mkdirSync(kept)
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rules))
  const args = [
    ...nodeFlags,
    script('node-server'),
    String(port),
    join(folder, 'rules.json'),
    join(kept, 'kept.ndjson'),
  ]
  const running = new Running(process.execPath, args, { cwd: folder })
  await running.ready(() => isListening(port))
  return { target: { host: '127.0.0.1', port, path: '/ingest' }, folder: kept, process: running }
}

/** The version of nginx, or undefined where it is not installed. */
export function nginxVersion(): string | undefined {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return /nginx\/\S+/.exec(stderr ?? '')?.[0]
}

/**
 * Starts nginx: it writes every body to a file of its own as it came, and syncs nothing. One process, as the others;
 * its folder has the bodies.
 */
export async function startNginx({ folder }: ServerOptions): Promise<Server> {
  const port = await freePort()
  const bodies = join(folder, 'bodies')
  mkdirSync(bodies)
  writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder, port))
  const running = new Running('nginx', [
    '-p',
    folder,
    '-e',
    join(folder, 'error.log'),
    '-c',
    join(folder, 'nginx.conf'),
  ])
  await running.ready(() => isListening(port))
  return { target: { host: '127.0.0.1', port, path: '/ingest' }, folder: bodies, process: running }
}

function nginxConfig(folder: string, port: number): string {
  const paths = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(folder, name)};`)
  // nginx reads a body only for somebody behind it: here that is itself, by a socket, and without the body.
  const socket = `unix:${join(folder, 'sink.sock')}`
  return `daemon off;
master_process off;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 1024; }
http {
  access_log off;
  ${paths.join('\n  ')}
  client_body_temp_path ${join(folder, 'bodies')};
  keepalive_requests 1000000;
  upstream behind { server ${socket}; keepalive 16; }
  server { listen ${socket}; keepalive_requests 1000000; location / { return 200 ""; } }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 64m;
    location = /ingest {
      client_body_in_file_only on;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://behind;
    }
  }
}
`
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}

/** An answer of the admin port. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks the admin port. */
export function ask(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
  })
}

/** Returns the sum of all series of a metric in a text of metrics, whatever their labels; 0 where there is none. */
export function metricSumOf(text: string, name: string): number {
  let sum = 0
  for (const line of text.split('\n')) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

/** Returns one series of a text of metrics; NaN where it is not there. `series`: with its labels, as it stands there. */
export function metricOf(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1))
}
