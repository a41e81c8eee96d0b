// The whole check, `npm test`: set-up, lint, format, then every test file with Node's own runner.
//   npm test                      all of it
//   npm test -- --no-lint         without lint and format
//   npm test -- --other-node      without these, the judge, and the files that a second Node leaves out
//   npm test -- rules/parse cases only the test files whose path contains one of these words; no lint
// WEIR_REQUIRE, a comma list, names what a test may not skip for want of; here that is what the set-up has just built.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { SetUpError, root, setUp } from './set-up.mjs'
import { filesOfNode, runTests, testFiles } from './test-files.mjs'

function lint() {
  const turbo = join(root, 'node_modules', 'turbo', 'bin', 'turbo')
  const args = [
    turbo,
    'run',
    'lint',
    'format:check',
    '--filter=//',
    '--continue',
    '--output-logs=errors-only',
    '--ui=stream',
  ]
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' }
  if (!process.stdout.isTTY) env.NO_COLOR = '1'
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

function parseArguments(args) {
  const unknown = args.find((each) => each.startsWith('-') && !['--no-lint', '--other-node'].includes(each))
  if (unknown === undefined) {
    const isOtherNode = args.includes('--other-node')
    const words = args.filter((each) => !each.startsWith('-'))
    return { words, isOtherNode, lint: !args.includes('--no-lint') && !isOtherNode }
  }
  console.error(`npm test: unknown option ${unknown}. Usage: npm test -- [--no-lint | --other-node] [WORD …]`)
  process.exit(2)
}

async function main() {
  const options = parseArguments(process.argv.slice(2))
  const { judge } = setUp({ tests: true, judge: !options.isOtherNode })
  const all = testFiles()
  const wanted = options.isOtherNode ? filesOfNode(all) : all
  const files = wanted.filter((file) => options.words.length === 0 || options.words.some((word) => file.includes(word)))
  if (files.length === 0) {
    console.error(`npm test: no test file's path contains ${options.words.join(' or ')}.`)
    return 2
  }
  const isClean = options.words.length > 0 || !options.lint || lint()
  console.log(`test: ${files.length} of ${all.length} files, Node ${process.versions.node}`)
  const { status } = await runTests(files, judge)
  if (!isClean)
    console.error('test: lint or format failed; the messages stand above the tests. `npm run format` mends the format.')
  return status === 0 && isClean ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  console.error(`test: ${error.message}`)
  process.exitCode = 1
}
