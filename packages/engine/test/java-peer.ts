// The original's filters on the real Jackson and java.util.regex: builds the program in java/ where there are Java and
// Maven, and asks it. What is missing is a printed skip, and a failure where WEIR_REQUIRE names `java`.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Asks the program all `requests`, and returns its answers in their order. */
export type JavaPeer = (requests: readonly object[]) => unknown[]

/** The program, or why there is none. */
export type LoadedPeer = { readonly ask: JavaPeer; readonly skip?: undefined } | { readonly skip: string }

const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((name) => name.trim())
const project = fileURLToPath(new URL('../test/java/', import.meta.url))

/**
 * Returns the program, built when something changed into the folder `java` beside a module: each test file that asks
 * names itself, since test files run at the same time and would build over each other.
 */
export function loadJavaPeer(moduleUrl: string): LoadedPeer {
  const output = fileURLToPath(new URL('java/', moduleUrl))
  const fault = buildFault(output)
  if (fault === undefined) return { ask: (requests) => ask(output, requests) }
  if (required.includes('java')) throw new Error(`java is required by WEIR_REQUIRE and is missing: ${fault}`)
  return { skip: fault }
}

function buildFault(output: string): string | undefined {
  for (const program of ['java', 'mvn']) {
    if (spawnSync(program, ['-version'], { stdio: 'ignore' }).status !== 0) return `${program} is not installed`
  }
  if (isBuilt(output)) return undefined
  const goals = ['compiler:compile', 'dependency:copy-dependencies']
  const run = spawnSync('mvn', ['-q', '-B', `-Dweir.output=${output}`, '-f', project, ...goals], { encoding: 'utf8' })
  if (run.status === 0) return undefined
  return `Maven cannot build ${project}: ${`${run.stdout}${run.stderr}`.trim().split('\n')[0]}`
}

function isBuilt(output: string): boolean {
  const mainClass = join(output, 'classes', 'weir', 'OriginalFilters.class')
  const libraries = join(output, 'dependency')
  if (!existsSync(mainClass) || !existsSync(libraries) || readdirSync(libraries).length === 0) return false
  const sources = [join(project, 'pom.xml'), join(project, 'src/main/java/weir/OriginalFilters.java')]
  return sources.every((source) => statSync(source).mtimeMs < statSync(mainClass).mtimeMs)
}

function ask(output: string, requests: readonly object[]): unknown[] {
  const classPath = [join(output, 'classes'), join(output, 'dependency', '*')].join(':')
  const run = spawnSync('java', ['-Xss4m', '-cp', classPath, 'weir.OriginalFilters'], {
    input: requests.map((request) => `${JSON.stringify(request)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (run.status !== 0) throw new Error(`the Java program failed: ${run.stderr.slice(0, 2000)}`)
  const answers = run.stdout.trimEnd().split('\n')
  if (answers.length !== requests.length) throw new Error(`${answers.length} answers to ${requests.length} requests`)
  return answers.map((answer) => JSON.parse(answer) as unknown)
}
