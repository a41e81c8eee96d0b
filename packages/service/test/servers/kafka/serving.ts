// A program that starts one broker, says where it is, and ends with its own standard input. Run by the benchmarks, which
// import nothing from the tests of a package. Its line of JSON has `bootstrap`, the address of the broker, and `java`, the
// arguments of java before a class of Kafka's; or `fault`, why there is no broker here.

import { startBroker } from './broker.ts'
import { kafkaPrograms, whyNoKafka } from './install.ts'

/** Members that start together are to share partitions from the beginning; a real cluster waits 3 s for them. */
const settings = { 'group.initial.rebalance.delay.ms': 500 }
/** The tests' brokers start soon; this one is measured with, and so is compiled as far as Java can. */
const javaOptions = ['-XX:TieredStopAtLevel=4', '-Xmx768m']

async function serve(): Promise<object> {
  const fault = await whyNoKafka()
  if (fault !== undefined) return { fault }
  const owner = {
    after: (clean: () => Promise<void>) => {
      process.stdin.once('end', () => void clean().then(() => process.exit())).resume()
    },
  }
  const broker = await startBroker(owner, { under: process.argv[2]!, settings, javaOptions })
  const programs = await kafkaPrograms()
  // Whatever runs a program names its class and arguments itself.
  return { bootstrap: broker.address, java: programs.command('', [], javaOptions.slice(0, 1)).slice(0, -1) }
}

process.stdout.write(`${JSON.stringify(await serve())}\n`)
