// Compiled test files, and Node's own runner over them. Used by test.mjs and techniques.mjs.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join, relative } from 'node:path'
import { SetUpError, root, sourcesOf, typeScriptProjects } from './set-up.mjs'

const required = ['native', 'judge']
/** Files at once: one more than there are processors, since each waits part of its time for processes, disks and clocks. */
const usualConcurrency = availableParallelism() + 1
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
 * Files that another Node of the same machine leaves out: either it only starts what they test, other programs whose
 * binaries and sources are the same ones; or what may differ from one Node to another is seen by other tests too, and they
 * would take minutes. docs/decisions/what-the-whole-check-leaves-out.md has the reasons.
 */
const leftOutOnOtherNode = [
  // The core's test program as it is shipped, emulated on old processors, and for arm64 in a Node of its own.
  'packages/engine/dist-test/native-core.test.js',
  'test/dist/arm64.test.js',
  // What Java makes of inputs from one seed: on each Node, original.test.js holds the kernels to answers recorded of it.
  'packages/engine/dist-test/original-java.test.js',
  'test/dist/original-command.test.js',
  // It asks the judge, an addon that is compiled for each Node. What the kernels answer does not come from Node, and
  // cases.test.js holds them to recorded answers on each.
  'packages/engine/dist-test/oracle.test.js',
  // Kafka and its own clients; what ours does with them is for each Node.
  'packages/service/dist-test/servers/kafka/broker.test.js',
  'packages/service/dist-test/servers/kafka/cluster.test.js',
  'packages/service/dist-test/servers/kafka/listeners.test.js',
  // Object stores and their judge, likewise.
  'packages/service/dist-test/servers/s3/servers.test.js',
  // Minutes of kills and lost answers: what delivery does about them is no matter of Node's version. How workers hang and
  // die, how clients are slow, and what is left of memory is: workers.test.js, hostile.test.js and limits.test.js stay.
  'packages/service/dist-test/faults/command.test.js',
  'packages/service/dist-test/faults/crashes.test.js',
  'packages/service/dist-test/faults/kafka.test.js',
  'packages/service/dist-test/faults/kafka-broker.test.js',
  'packages/service/dist-test/faults/kill-loop.test.js',
  'packages/service/dist-test/faults/lethal.test.js',
  'packages/service/dist-test/faults/s3.test.js',
  'packages/service/dist-test/faults/whole-chain.test.js',
  // What tells one broker from another (rights, certificates, limits of a topic), and what lies in a bucket: the commands say
  // it of what kafka/ and s3/ found, whose own tests are for each Node.
  'packages/service/dist-test/commands/archive.test.js',
  'packages/service/dist-test/commands/serve-kafka-limits.test.js',
  'packages/service/dist-test/commands/serve-kafka-security.test.js',
  // Measuring itself, with every size of batch: tuning/ has tests of what is made of the figures.
  'packages/service/dist-test/commands/tune.test.js',
  // The answers of what the benchmarks compare Weir with, and whole runs: that one goes to its end, resume.test.js sees.
  'benchmarks/dist-test/archive.test.js',
  'benchmarks/dist-test/cases.test.js',
  'benchmarks/dist-test/kafka.test.js',
  'benchmarks/dist-test/kafka/other-contenders.test.js',
  'benchmarks/dist-test/main.test.js',
  'benchmarks/dist-test/options.test.js',
  'benchmarks/dist-test/peers.test.js',
  'benchmarks/dist-test/plain-cpp.test.js',
  'benchmarks/dist-test/service.test.js',
  // What the documents show, with what has tests of its own on each Node; and how a release is made, on any.
  'test/dist/examples.test.js',
  'test/dist/release.test.js',
  'test/dist/served-examples.test.js',
]

/** The test files among `files` that are for each Node. */
export function filesOfNode(files) {
  const gone = leftOutOnOtherNode.find((file) => !files.includes(file))
  if (gone !== undefined) throw new SetUpError(`${gone} is listed in .ci/test-files.mjs, and there is no such test.`)
  return files.filter((file) => !leftOutOnOtherNode.includes(file))
}

function requiredNames() {
  return (process.env.WEIR_REQUIRE ?? required.join(',')).split(',').map((name) => name.trim())
}

/**
 * Runs test files with more in their environment, and resolves to the exit code and, with `isQuiet`, what they wrote; else
 * they write it to this process's output. `judge`: the folder of the judge's package, and undefined where tests do without; `concurrency`: how many files at once.
 */
export async function runTests(files, judge, options = {}) {
  const { env: more = {}, isQuiet = false, concurrency = usualConcurrency } = options
  const nodeArgs = ['--test', '--test-reporter=spec', `--test-timeout=${testTimeoutMs}`]
  nodeArgs.push(`--test-concurrency=${concurrency}`)
  const env = {
    ...process.env,
    ...(judge === undefined ? {} : { WEIR_JUDGE: judge }),
    WEIR_REQUIRE: requiredNames()
      .filter((name) => name !== 'judge' || judge !== undefined)
      .join(','),
    // What the command keeps between two starts is not for the home of who runs the tests.
    XDG_CACHE_HOME: join(root, '.set-up', 'cache'),
    ...more,
  }
  // Set by the runner for its own children: with it, a runner within a runner reports nothing.
  delete env.NODE_TEST_CONTEXT
  const output = isQuiet ? 'pipe' : 'inherit'
  const child = spawn(process.execPath, [...nodeArgs, ...files], { cwd: root, env, stdio: ['ignore', output, output] })
  const written = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => written.push(chunk))
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { status, output: Buffer.concat(written).toString() }
}
