// `npm run bench`, `bench:service` and others: sets up what the benchmarks need, then runs one of their programs,
// with its flags and its exit code. The packages that contenders need are compiled when a run first asks for them.

import { spawn } from 'node:child_process'
import os from 'node:os'
import { join } from 'node:path'
import { SetUpError, root, setUp } from './set-up.mjs'

/** Programs in benchmarks/src, whether they run the native kernel, and what is compiled besides. */
const programs = {
  main: { native: true },
  peers: { native: false },
  expect: { native: false },
  operators: { native: true },
  report: { native: false },
  service: { native: true },
  // Broker and store are those of the service's tests.
  kafka: { native: true, projects: ['packages/service/test'] },
  archive: { native: true, projects: ['packages/service/test'] },
  soak: { native: true, projects: ['packages/service/test'] },
}

/** Runs a program to its end. A signal that this process gets is its to handle. */
async function run(path, args) {
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]))
  })
}

const [name, ...args] = process.argv.slice(2)
try {
  const program = Object.hasOwn(programs, name ?? '') ? programs[name] : undefined
  if (program === undefined) throw new SetUpError(`name one of ${Object.keys(programs).join(', ')}.`)
  setUp({ ...program, projects: ['benchmarks', ...(program.projects ?? [])] })
  process.exitCode = await run(join(root, 'benchmarks', 'dist', `${name}.js`), args)
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
}
