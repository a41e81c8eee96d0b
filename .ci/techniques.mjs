// `npm run test:techniques`: the engine's tests with each technique of the native kernel forced on and forbidden, all at
// once and one at a time.
//   npm run test:techniques                  every setting, some ten minutes
//   npm run test:techniques -- --short       only the tests that ask kernels; one technique at a time with fewer drawn rule sets
//   npm run test:techniques -- SETTING …     only these, such as `all=on`, `value-cache=off` or `all=off,literals=on`
// Shows the tests that failed, and at the end names the settings that did.

import { SetUpError, root, setUp } from './set-up.mjs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runTests, testFiles } from './test-files.mjs'

const engine = join(root, 'packages', 'engine')

/** Files that say most about a technique by itself: those that ask kernels, and compare them. */
const ofKernels = /dist-test\/(cases|cuts|forced|oracle|kernel\/(?!portable).*)\.test\.js$/

/** The core's own program knows nothing of this process's settings, and runs with all of them by itself. */
const ofTheCore = /native-core\.test\.js$/

async function settingsToRun(given) {
  const load = (path) => import(pathToFileURL(join(engine, path)).href)
  const { techniques } = await load('dist/kernel/techniques.js')
  const every = ['all', ...techniques].flatMap((name) => [`${name}=on`, `${name}=off`])
  const { readTechniques } = await load('dist-test/techniques.js')
  for (const setting of given) {
    try {
      readTechniques(setting)
    } catch (error) {
      throw new SetUpError(`${setting}: ${error.message} Settings are such as ${every.join(' ')}.`)
    }
  }
  return given.length === 0 ? every : given
}

/** What the runner repeats at its end; all that it wrote where it did not come so far. */
function failuresIn(output) {
  const at = output.lastIndexOf('failing tests:')
  return at < 0 ? output : output.slice(at)
}

/**
 * Runs files beside another setting's: those that ask kernels one at a time, of all of them two, since some wait for threads
 * and clocks.
 */
async function run(setting, files, judge, { concurrency = 2, env: extra = {} } = {}) {
  const began = performance.now()
  const preload = `--import ${pathToFileURL(join(engine, 'dist-test', 'force-techniques.js')).href}`
  const env = {
    ...extra,
    WEIR_TECHNIQUES: setting,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}`.trim(),
  }
  const { status, output } = await runTests(files, judge, { env, isQuiet: true, concurrency })
  if (status !== 0) console.log(failuresIn(output))
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`techniques: ${setting}: ${files.length} files ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`)
  return status === 0
}

try {
  const { judge } = setUp({ tests: true, projects: ['packages/engine/test'] })
  const isShort = process.argv[2] === '--short'
  const settings = await settingsToRun(process.argv.slice(isShort ? 3 : 2))
  const all = testFiles(engine).filter((file) => !ofTheCore.test(file))
  const kernels = all.filter((file) => ofKernels.test(file))
  const waiting = [...settings]
  const failed = []
  const lane = async () => {
    for (let setting = waiting.shift(); setting !== undefined; setting = waiting.shift()) {
      const isOne = !setting.startsWith('all=')
      const isRight = await (isShort
        ? run(setting, kernels, judge, { concurrency: 1, env: isOne ? { WEIR_RUNS: '100' } : {} })
        : run(setting, all, judge))
      if (!isRight) failed.push(setting)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  if (failed.length > 0) console.error(`techniques: failed with ${failed.join(', ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  console.error(`techniques: ${error.message}`)
  process.exitCode = 2
}
