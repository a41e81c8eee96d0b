// Compiled test files, and Node's own runner over them. Used by test.mjs and techniques.mjs.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join, relative } from 'node:path'
import { SetUpError, root, sourcesOf, typeScriptProjects } from './set-up.mjs'

const required = ['native', 'judge']
/** A test that runs longer than this hangs; the slowest takes well under a minute. */
const testTimeoutMs = 600_000

/**
 * Compiled test files, below the root, of all projects or of those in one folder. Derived from the sources: an old compiled
 * file whose source is gone is not run, and a test folder without tests is an error, where `node --test` would call it a
 * success.
 */
export function testFiles(folder = root) {
  const isThere = (project) => basename(project.folder) === 'test' && project.folder.startsWith(folder)
  return typeScriptProjects()
    .filter(isThere)
    .flatMap((project) => {
      const sources = sourcesOf(project).filter((path) => path.endsWith('.test.ts'))
      if (sources.length === 0) throw new SetUpError(`There is no test in ${relative(root, project.folder)}.`)
      return sources.map((path) => {
        const compiled = join(project.outDir, path.replace(/\.ts$/, '.js'))
        if (!existsSync(compiled)) throw new SetUpError(`${compiled} is missing: the tests were not compiled.`)
        return relative(root, compiled)
      })
    })
}

/**
 * Runs test files with more in their environment, and returns the exit code and, with `isQuiet`, what they wrote; else they
 * write it to this process's output. `judge`: the folder of the judge's package.
 */
export function runTests(files, judge, { env: more = {}, isQuiet = false } = {}) {
  const nodeArgs = ['--test', '--test-reporter=spec', `--test-timeout=${testTimeoutMs}`]
  nodeArgs.push(`--test-concurrency=${availableParallelism()}`)
  const env = {
    ...process.env,
    WEIR_JUDGE: judge,
    WEIR_REQUIRE: process.env.WEIR_REQUIRE ?? required.join(','),
    ...more,
  }
  // Set by the runner for its own children: with it, a runner within a runner reports nothing.
  delete env.NODE_TEST_CONTEXT
  const output = isQuiet ? 'pipe' : 'inherit'
  const run = spawnSync(process.execPath, [...nodeArgs, ...files], {
    cwd: root,
    env,
    stdio: ['ignore', output, output],
    maxBuffer: 1 << 28,
  })
  if (run.error !== undefined) throw run.error
  return { status: run.status, output: isQuiet ? `${run.stdout}${run.stderr}` : '' }
}
