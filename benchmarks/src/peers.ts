// `npm run bench:peers`: finds the tools that Weir is measured against, installs those that are missing where apt-get and
// the right to use it are there, and prints their versions; else it says how to get them.

import { spawnSync } from 'node:child_process'
import { canMeasureMemory, versionOf } from './contenders/command-line.ts'
import { nginxVersion } from './service/servers.ts'

interface Peer {
  readonly program: string
  /** Debian package. */
  readonly package: string
  readonly version: () => string | undefined
  readonly use: string
}

const peers: readonly Peer[] = [
  { program: 'jq', package: 'jq', version: () => versionOf('jq'), use: 'contender' },
  { program: 'rg', package: 'ripgrep', version: () => versionOf('rg'), use: 'contender' },
  {
    program: 'time',
    package: 'time',
    version: () => (canMeasureMemory() ? (versionOf('/usr/bin/time') ?? 'GNU time') : undefined),
    use: 'peak memory and processor time of commands',
  },
  {
    program: 'taskset',
    package: 'util-linux',
    version: () => versionOf('taskset'),
    use: 'pins the loops of the calibration',
  },
  { program: 'nginx', package: 'nginx-light', version: nginxVersion, use: 'ceiling of the model of the service' },
]

function install(packages: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const aptGet = (...args: string[]): boolean =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] }).status === 0
  const wanted = ['install', '-y', '-q', '--no-install-recommends', ...packages]
  return aptGet(...wanted) || (aptGet('update', '-q') && aptGet(...wanted))
}

function main(args: readonly string[]): number {
  if (args.length > 0) {
    process.stderr.write(`bench:peers: unknown argument ${args[0]}; it takes none.\n`)
    return 2
  }
  const missing = peers.filter(({ version }) => version() === undefined).map((peer) => peer.package)
  const hasAptGet = versionOf('apt-get') !== undefined
  if (missing.length > 0 && hasAptGet && process.getuid?.() === 0) {
    process.stderr.write(`bench:peers: installing ${missing.join(', ')} …\n`)
    install(missing)
  }
  let isComplete = true
  for (const peer of peers) {
    const version = peer.version()
    const cure = hasAptGet ? `sudo apt-get install ${peer.package}` : `install the package ${peer.package}`
    console.log(`${peer.program}: ${version ?? `missing (${peer.use}); ${cure}`}`)
    isComplete &&= version !== undefined
  }
  return isComplete ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
