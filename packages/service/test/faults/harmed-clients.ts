// Harms the client library of Kafka: a preload for Node's `--import`. It waits shorter, so that a reduced run need not; takes
// transactional ids that nobody else has, so that a run without the lock can be judged; assigns partitions to all members of
// a group; or ends the process at a step. The environment says which. Only tests use it.
//
//   FAULT_REQUEST_MS, FAULT_TRANSACTION_MS   milliseconds instead of its own
//   FAULT_RANDOM_IDS=1                       transactional ids of each producer's own
//   FAULT_ASSIGN_ALL=1                       each member is assigned what all of them are
//   FAULT_DIE_AT=STEP:COUNT                  ends at a step of kafka-points.ts, after COUNT of them

import { randomBytes } from 'node:crypto'
import Module, { createRequire } from 'node:module'

import type { Step } from './kafka-points.js'

interface ProducerSettings {
  readonly transactionalId?: string
  readonly transactionTimeout?: number
}
interface ClientSettings {
  readonly requestTimeout?: number
}
interface Call {
  (...args: readonly unknown[]): Promise<unknown>
}
interface Transaction {
  send: Call
  sendOffsets: Call
  commit: Call
  abort: Call
}
interface Producer {
  transaction(): Promise<Transaction>
}
interface Assigner {
  assign(group: { readonly members: readonly { readonly memberId: string }[] }): Promise<readonly Assignment[]>
}
interface Assignment {
  readonly memberId: string
  readonly memberAssignment: Buffer
}
interface ConsumerSettings {
  readonly partitionAssigners: readonly ((given: object) => Assigner)[]
}
interface RunSettings {
  readonly eachBatch: Call
}
interface Consumer {
  run(settings: RunSettings): Promise<void>
}
interface Library {
  producer(settings: ProducerSettings): Producer
  consumer(settings: ConsumerSettings): Consumer
}
/** The library's way of writing down what a member is assigned. */
interface Assignments {
  readonly MemberAssignment: {
    encode(of: object): Buffer
    decode(bytes: Buffer): {
      readonly version: number
      readonly assignment: Readonly<Record<string, readonly number[]>>
    }
  }
}
type Load = (module: { exports: unknown }, file: string) => void

const environment = process.env
const requestMs = Number(environment['FAULT_REQUEST_MS'] ?? 0)
const transactionMs = Number(environment['FAULT_TRANSACTION_MS'] ?? 0)
const hasRandomIds = environment['FAULT_RANDOM_IDS'] === '1'
const assignsAll = environment['FAULT_ASSIGN_ALL'] === '1'
const [lastStep, count] = (environment['FAULT_DIE_AT'] ?? '').split(':')
let left = Number(count)

function at(step: Step): void {
  if (step !== lastStep || left-- > 0) return
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing may happen meanwhile.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function harmed(library: new (settings: ClientSettings) => Library, file: string): unknown {
  return class extends library {
    constructor(settings: ClientSettings) {
      super(requestMs === 0 ? settings : { ...settings, requestTimeout: requestMs })
    }

    override producer(settings: ProducerSettings): Producer {
      const { transactionalId: id } = settings
      if (id === undefined) return super.producer(settings)
      const producer = super.producer({
        ...settings,
        ...(transactionMs === 0 ? {} : { transactionTimeout: transactionMs }),
        ...(hasRandomIds ? { transactionalId: `${id}.${randomBytes(6).toString('hex')}` } : {}),
      })
      return lastStep === '' ? producer : mortal(producer)
    }

    override consumer(settings: ConsumerSettings): Consumer {
      if (!assignsAll) return mortalConsumer(super.consumer(settings))
      const protocol = createRequire(file)('./consumer/assignerProtocol') as Assignments
      const partitionAssigners = settings.partitionAssigners.map(
        (make) => (given: object) => assigningAll(make(given), protocol),
      )
      return mortalConsumer(super.consumer({ ...settings, partitionAssigners }))
    }
  }
}

/** The first transaction initialises the id, and has no records; those behind it have a batch each. */
function mortal(producer: Producer): Producer {
  let isInitialised = false
  return {
    ...producer,
    transaction: async () => {
      if (isInitialised) at('filtered')
      const transaction = await producer.transaction()
      if (isInitialised) at('begun')
      const wrapped = (call: Call, before: Step | undefined, after: Step | undefined): Call => {
        return async (...args) => {
          if (before !== undefined) at(before)
          const answer = await call(...args)
          if (after !== undefined) at(after)
          return answer
        }
      }
      const wasInitialised = isInitialised
      isInitialised = true
      return {
        ...transaction,
        send: wrapped(transaction.send, 'sending', 'sent'),
        sendOffsets: wrapped(transaction.sendOffsets, 'all-sent', 'offset-moved'),
        commit: wrapped(transaction.commit, undefined, 'committed'),
        abort: wrapped(transaction.abort, undefined, wasInitialised ? undefined : 'initialised'),
      }
    },
  }
}

function mortalConsumer(consumer: Consumer): Consumer {
  if (lastStep !== 'polled') return consumer
  return {
    ...consumer,
    run: (settings) => {
      const eachBatch: Call = async (...args) => {
        at('polled')
        return settings.eachBatch(...args)
      }
      return consumer.run({ ...settings, eachBatch })
    },
  }
}

/** Two members that believe to have the same partition: whoever does not know of the lock would have both write. */
function assigningAll(assigner: Assigner, { MemberAssignment }: Assignments): Assigner {
  return {
    ...assigner,
    assign: async (group) => {
      const assignments = await assigner.assign(group)
      const all: Record<string, number[]> = {}
      let version = 0
      for (const { memberAssignment } of assignments) {
        const decoded = MemberAssignment.decode(memberAssignment)
        version = decoded.version
        for (const [topic, partitions] of Object.entries(decoded.assignment)) (all[topic] ??= []).push(...partitions)
      }
      const memberAssignment = MemberAssignment.encode({ version, assignment: all, userData: Buffer.alloc(0) })
      return group.members.map(({ memberId }) => ({ memberId, memberAssignment }))
    },
  }
}

// The service loads the library late, and anew: what is harmed is whatever is loaded.
const { _extensions: extensions } = Module as unknown as { readonly _extensions: Record<string, Load> }
const load = extensions['.js']!
extensions['.js'] = (module, file) => {
  load(module, file)
  if (!/[\\/]kafkajs[\\/]src[\\/]index\.js$/.test(file)) return
  module.exports = harmed(module.exports as new (settings: ClientSettings) => Library, file)
}
