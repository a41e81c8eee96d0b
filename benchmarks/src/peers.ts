// `npm run bench:peers`: finds the programs that Weir is measured against, installs those that are missing where it can,
// and prints the version of each, or why it is not there. `-- NAME …` asks for some of them only; `-- --table` prints which
// case each peer can express instead.

import { fileURLToPath } from 'node:url'
import { loadCases } from './cases.ts'
import { canMeasureMemory, versionOf } from './contenders/command-line.ts'
import { lineTools } from './contenders/ripgrep.ts'
import { javaContenders } from './kafka/java-contenders.ts'
import { rsyslogKafka } from './kafka/rsyslog.ts'
import { expressible, renderExpressible } from './peers/expressible.ts'
import { peers } from './peers/list.ts'
import { tell } from './program.ts'
import { nginxVersion } from './service/servers.ts'
import { debianPackage } from './tools/debian.ts'
import type { Tool } from './tools/tool.ts'

/** A tool, and what it is here for. */
interface Wanted {
  readonly tool: Tool
  readonly use: string
}

/** A program of the system that is asked for its version in a way of its own. */
function systemTool(name: string, packageName: string, version: () => string | undefined): Tool {
  const { install } = debianPackage({ name: packageName, program: `usr/bin/${name}`, isSystem: true })
  const find = () => {
    const found = version()
    return found === undefined ? undefined : { command: name, version: found }
  }
  return { name, find, install }
}

const gnuTime = (): string | undefined => (canMeasureMemory() ? (versionOf('/usr/bin/time') ?? 'GNU time') : undefined)

/** What the suite runs besides peers. */
const helpers: readonly Wanted[] = [
  { tool: systemTool('time', 'time', gnuTime), use: 'peak memory and processor time of commands' },
  { tool: systemTool('taskset', 'util-linux', () => versionOf('taskset')), use: 'pins commands to processors' },
  { tool: systemTool('nginx', 'nginx-light', nginxVersion), use: 'ceiling of the model of the service' },
]

/** What works between two topics. */
const betweenTopics = [...javaContenders, rsyslogKafka].flatMap(({ tool }) => tool ?? [])

/** Programs for the same job that are no contenders, and why. */
const absent: readonly (readonly [string, string])[] = [
  ['vector', 'the program is in no registry of packages; its language is measured (vrl)'],
  ['redpanda-connect', 'in no registry of packages'],
  ['fluent-bit', 'in no registry of packages'],
]

/** Returns the line about a tool, installed now where it was missing. */
function lineOf({ tool, use }: Wanted): { readonly line: string; readonly isThere: boolean } {
  let found = tool.find()
  let fault = ''
  if (found === undefined) {
    tell(`bench:peers: installing ${tool.name} …`)
    try {
      tool.install()
      found = tool.find()
      fault = 'it was installed, and does not start'
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error)
    }
  }
  if (found === undefined) return { line: `${tool.name}: missing (${use}); ${fault}`, isThere: false }
  return { line: `${tool.name}: ${found.version}`, isThere: true }
}

function main(args: readonly string[]): number {
  if (args.length === 1 && args[0] === '--table') {
    const cases = loadCases(fileURLToPath(new URL('../cases', import.meta.url)))
    console.log(renderExpressible(expressible(cases)))
    return 0
  }
  const contenderTools = [...[...peers, ...Object.values(lineTools)].map(({ tool }) => tool), ...betweenTopics]
  const tools = new Map(
    [...contenderTools.map((tool) => ({ tool, use: 'contender' })), ...helpers].map((each) => [each.tool.name, each]),
  )
  const unknown = args.find((name) => !tools.has(name))
  if (unknown !== undefined) {
    const names = [...tools.keys()].join(', ')
    process.stderr.write(`bench:peers: unknown argument ${unknown}; it takes --table, or names of ${names}.\n`)
    return 2
  }
  let isComplete = true
  for (const wanted of tools.values()) {
    if (args.length > 0 && !args.includes(wanted.tool.name)) continue
    const { line, isThere } = lineOf(wanted)
    console.log(line)
    isComplete &&= isThere
  }
  if (args.length === 0) for (const [name, reason] of absent) console.log(`${name}: no contender; ${reason}`)
  return isComplete ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
