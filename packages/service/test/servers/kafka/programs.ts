// The Java programs of java/: Kafka with its clients, from Maven. Built once for all test files, below .set-up. What makes
// them start sooner is install.ts's, what runs them node.ts's and reading.ts's.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const setUpFolder = fileURLToPath(new URL('../../../../../.set-up/', import.meta.url))
const project = fileURLToPath(new URL('../../../test/servers/kafka/java/', import.meta.url))
const sources = [
  'pom.xml',
  ...['KafkaNode', 'SystemTime', 'TopicReader'].map((name) => `src/main/java/weir/${name}.java`),
]
const shownErrorCharacters = 600
const folderName = /^kafka-[0-9a-f]{12}$/

/** The programs of this machine's Java. */
export interface Programs {
  readonly folder: string
  /** Classes as Java has them in memory, from which it starts in half the time; may not be there. */
  readonly archive: string
  /** Arguments of `java` that run a class. `options` are Java's own. */
  command(mainClass: string, args: readonly string[], options?: readonly string[]): readonly string[]
}

/** Where the programs are or will be, or why they cannot be here. They are others where sources or Java are. */
export function findPrograms(): Programs | { readonly fault: string } {
  const version = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (version.status !== 0) return { fault: 'java is not installed; Debian has it as default-jdk-headless' }
  const major = Number(/version "(\d+)/.exec(version.stderr)?.[1] ?? 0)
  if (major < 17) return { fault: `Kafka needs Java 17 or newer, and java is ${version.stderr.split('\n')[0]}` }
  const hash = createHash('sha256').update(version.stderr)
  for (const source of sources) hash.update(readFileSync(join(project, source)))
  const folder = join(setUpFolder, `kafka-${hash.digest('hex').slice(0, 12)}`)
  const archive = join(folder, 'node.jsa')
  const classPath = [join(folder, 'kafka-test-servers-1.jar'), join(folder, 'dependency', '*')].join(':')
  const always = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-Xlog:disable']
  const logging = ['log.kafka.server.KafkaRaftServer=info', 'defaultLogLevel=warn', 'showDateTime=true']
  const properties = [...logging, 'dateTimeFormat=HH:mm:ss.SSS'].map((each) => `-Dorg.slf4j.simpleLogger.${each}`)
  return {
    ...{ folder, archive },
    command: (mainClass, args, options = [`-XX:SharedArchiveFile=${archive}`]) => {
      return [...always, ...properties, ...options, '-cp', classPath, mainClass, ...args]
    },
  }
}

/** Builds the programs, and removes those of other sources. Returns why that cannot be. */
export function buildPrograms({ folder }: Programs): string | undefined {
  for (const name of existsSync(setUpFolder) ? readdirSync(setUpFolder) : []) {
    if (folderName.test(name)) rmSync(join(setUpFolder, name), { recursive: true, force: true })
  }
  mkdirSync(folder, { recursive: true })
  const goals = ['compiler:compile', 'jar:jar', 'dependency:copy-dependencies', '-DincludeScope=runtime']
  const args = ['-q', '-B', `-Dweir.output=${folder}`, '-f', project, ...goals]
  const { error, status, stdout, stderr } = spawnSync('mvn', args, { encoding: 'utf8' })
  if (error !== undefined) return 'mvn is not installed; Debian has it as maven'
  if (status === 0) return undefined
  return `Maven cannot build ${project}: ${`${stdout}${stderr}`.trim().slice(0, shownErrorCharacters)}`
}
