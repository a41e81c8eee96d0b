// `npm run faults`: sets the checkout up, then harms a real service in every way that packages/service/test/faults knows,
// and judges what became of the records. docs/faults.md says what each fault proves.
//   npm run faults -- --list                       the faults, a line each
//   npm run faults -- [--only NAME…] [--seeds N]   each with seeds 1 to N, reduced as in the tests
//   npm run faults -- --full [--resume]            as a release should stand; --resume leaves out what is done
//   npm run faults -- --only whole-chain --records FILE   with the records of a file
//   npm run faults -- --only whole-chain --store radosgw  on another object store than the usual one

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SetUpError, root, setUp } from './set-up.mjs'

const compiled = join('packages', 'service', 'dist-test', 'faults', 'command.js')

try {
  setUp({ projects: ['packages/service/test'] })
  const { runCommand } = await import(pathToFileURL(join(root, compiled)).href)
  const stateFile = join(root, '.weir-faults.json')
  process.exitCode = await runCommand(process.argv.slice(2), { stateFile, print: (line) => console.log(line) })
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  console.error(`npm run faults: ${error.message}`)
  process.exitCode = 1
}
