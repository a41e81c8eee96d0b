// Archives in memory that are killed, fail and wake up late at random: every record is in exactly one object at the end, the
// objects form a chain, and every offset that was ever committed stands behind an object. Seeds are in the names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { Random } from '#src/generators/random.js'
import type { ObjectStore } from '#src/ports/object-store.js'
import { MemoryStore } from '../contract/memory-store.js'
import { archiveCluster, group, hourMs, minuteMs, objectsIn, record, startArchive, topic } from './archiver.js'
import type { Archiver } from './archiver.js'

const partitions = 2

/** What a process does once it is stopped never has an effect; what it did before may, with nobody there to hear of it. */
class Process {
  readonly name: string
  isStopped = false
  /** Whether the group counts it among its members. */
  isMember = true
  archiver: Archiver | undefined
  /** Calls that wait for the process to be woken. */
  private readonly asleep: (() => void)[] = []

  constructor(name: string) {
    this.name = name
  }

  /** Resolves at once, or when the process is woken. */
  async gate(): Promise<void> {
    while (this.isStopped) await new Promise<void>((resolve) => this.asleep.push(resolve))
  }

  wake(): void {
    this.isStopped = false
    for (const resolve of this.asleep.splice(0)) resolve()
  }

  /** The store as the process has it. */
  storeOf(store: MemoryStore): ObjectStore {
    const call = async <T>(run: () => Promise<T>): Promise<T> => {
      await this.gate()
      const result = await run()
      await this.gate()
      return result
    }
    return {
      name: store.name,
      create: (object) => call(() => store.create(object)),
      overwrite: (object) => call(() => store.overwrite(object)),
      head: (key) => call(() => store.head(key)),
      list: (prefix, after) => store.list(prefix, after),
      read: (key) => call(() => store.read(key)),
      probe: (key) => call(() => store.probe(key)),
      close: () => undefined,
    }
  }
}

/** Everything of one run. */
class Chaos {
  readonly kafka = archiveCluster(partitions)
  readonly store = new MemoryStore()
  readonly processes: Process[] = []
  /** What was appended, by partition. */
  readonly lines = Array.from({ length: partitions }, () => [] as string[])
  /** How many there are, with those without a value. */
  readonly appended = Array.from({ length: partitions }, () => 0)
  private readonly t: TestContext
  private readonly random: Random
  private timeMs = hourMs
  private isCalm = false

  constructor(t: TestContext, random: Random, obeysConditions: boolean) {
    this.t = t
    this.random = random
    this.store.obeysConditions = obeysConditions
    const failing = (share: number) => !this.isCalm && this.random.below(1000) / 1000 < share
    this.kafka.fateOf = (_, { process }) => {
      const isStopped = this.processes.some(({ name, isStopped: is }) => name === process && is)
      if (isStopped) return failing(0.5) ? 'hang after' : 'hang'
      if (failing(0.03)) return this.random.below(1000) / 1000 < 0.5 ? 'lost' : 'unanswered'
      return failing(0.02) ? 'late' : 'done'
    }
    this.store.fateOf = () =>
      failing(0.2) ? (['busy', 'unanswered', 'twice'] as const)[this.random.below(3)]! : 'done'
  }

  async start(): Promise<void> {
    const process = new Process(`p${this.processes.length}`)
    this.processes.push(process)
    // Processes cut differently but where nothing else keeps them from each other's objects.
    const maxBytes = this.store.obeysConditions ? 200 + this.random.below(2000) : 1500
    const limits = { maxRecords: 3 + this.random.below(40), maxBytes, periodMs: minuteMs, mostStoredBytes: 60e6 } // prettier-ignore
    process.archiver = await startArchive(this.t, this.kafka, process.storeOf(this.store), process.name, { limits })
    // It has joined by then.
    for (let i = 0; i < 3; i++) await setImmediate()
  }

  append(): void {
    for (let i = this.random.below(30); i > 0; i--) {
      const partition = this.random.below(partitions)
      this.timeMs += this.random.below(3000)
      if (this.random.below(10) === 0) {
        this.appended[partition]!++
        this.kafka.append({ topic, partition }, [record(null, this.timeMs)])
        continue
      }
      this.appendOne(partition)
    }
  }

  private appendOne(partition: number): void {
    const line = `{"n":"${partition}-${this.lines[partition]!.length}"}`
    this.appended[partition]!++
    this.lines[partition]!.push(line)
    this.kafka.append({ topic, partition }, [record(line, this.timeMs, `v${this.random.below(3)}`)])
  }

  /** Stops a process for good, or until it is woken. */
  stop(): void {
    const members = this.processes.filter(({ isMember }) => isMember)
    const victim = members[this.random.below(Math.max(1, members.length))]
    if (victim === undefined) return
    victim.isStopped = true
    victim.isMember = false
    this.kafka.kill(group, members.indexOf(victim))
  }

  async step(): Promise<void> {
    const dice = this.random.below(1000) / 1000
    if (dice < 0.3) this.append()
    else if (dice < 0.4) await this.start()
    else if (dice < 0.47) this.stop()
    // It has no partitions any more, and does not know.
    else if (dice < 0.6) this.processes[this.random.below(this.processes.length)]?.wake()
    else if (dice < 0.65) this.kafka.rebalance(group)
    else if (dice < 0.7) this.kafka.deliverLate()
    else this.advance(this.random.below(30_000))
    for (let i = this.random.below(40); i > 0; i--) await setImmediate()
    this.kafka.beat()
  }

  advance(ms: number): void {
    this.timeMs += ms
    for (const { archiver, isStopped } of this.processes) if (!isStopped) archiver?.time.advance(ms)
  }

  /** Everything works again, and what is left is archived. */
  async calm(): Promise<void> {
    this.isCalm = true
    await this.start()
    // Behind the last record that is none, nothing has to be committed.
    for (const partition of this.lines.keys()) this.appendOne(partition)
    const isDone = () => this.appended.every((end, partition) => this.kafka.offsetOf(group, { topic, partition }) === BigInt(end)) // prettier-ignore
    for (let i = 0; !isDone(); i++) {
      assert.ok(i < 5000, `not archived: ${this.told()}`)
      await setImmediate()
      this.kafka.beat()
      if (i % 20 === 0) this.advance(10_000)
    }
  }

  told(): string {
    return this.processes.map(({ name, archiver }) => `${name}: ${archiver?.events.slice(-12).join(', ')}`).join('; ')
  }
}

function check({ store, lines }: Chaos, told: string): void {
  for (const [partition, expected] of lines.entries()) {
    const objects = objectsIn(store).filter(({ manifest }) => manifest.partition === partition)
    const found = objects.sort((a, b) => Number(a.manifest.first - b.manifest.first))
    assert.deepEqual(found.flatMap((object) => object.lines), expected, told) // prettier-ignore
    let from = 0n
    for (const { manifest } of found) {
      assert.equal(manifest.from, from)
      from = manifest.last + 1n
    }
  }
}

/** Where conditions are ignored, records may come twice, and none may be lost. */
function checkKept({ store, lines }: Chaos, told: string): void {
  const found = new Set(objectsIn(store).flatMap((object) => object.lines))
  assert.deepEqual(lines.flat().filter((line) => !found.has(line)), [], told) // prettier-ignore
}

const seeds = Number(process.env['WEIR_CHAOS_SEEDS'] ?? 60)

for (let seed = 1; seed <= seeds; seed++) {
  test(`seed ${seed}: archives that are killed and fail at random lose nothing, and write nothing twice`, async (t) => {
    const chaos = await run(t, seed, true)
    check(chaos, chaos.told())
  })
}

for (let seed = 1; seed <= seeds / 2; seed++) {
  test(`seed ${seed}: archives in a store that ignores conditions lose nothing`, async (t) => {
    const chaos = await run(t, seed, false)
    checkKept(chaos, chaos.told())
  })
}

async function run(t: TestContext, seed: number, obeysConditions: boolean): Promise<Chaos> {
  const chaos = new Chaos(t, new Random(seed), obeysConditions)
  await chaos.start()
  for (let i = 0; i < 60; i++) await chaos.step()
  await chaos.calm()
  return chaos
}
