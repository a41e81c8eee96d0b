// A program that starts one store, says where it is, and ends with its own standard input. Run by the benchmarks, which
// import nothing from the tests of a package. Its line of JSON has `endpoint`, `region`, `accessKey` and `secretKey`, `data`,
// the folder in which each bucket is a folder and each object a file, and `bucket`, one that is there; or `fault`, why there
// is no store here.

import { whyNoS3 } from './install.ts'
import { skipWithoutReader } from './reader.ts'
import { startVersitygw } from './versitygw.ts'

const bucket = 'bench'

async function serve(): Promise<object> {
  // The bucket is made by the judge.
  const fault = (await whyNoS3()) ?? (skipWithoutReader() || undefined)
  if (fault !== undefined) return { fault }
  const owner = {
    after: (clean: () => Promise<void>) => {
      process.stdin.once('end', () => void clean().then(() => process.exit())).resume()
    },
  }
  const { endpoint, region, accessKey, secretKey, data } = await startVersitygw(owner, {
    buckets: [bucket],
    under: process.argv[2]!,
    keepsConnections: true,
  })
  return { endpoint, region, accessKey, secretKey, data, bucket }
}

process.stdout.write(`${JSON.stringify(await serve())}\n`)
