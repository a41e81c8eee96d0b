// Real brokers for tests: one, or a cluster of three, with a folder and ports of their own, gone when the test is over or its
// process is. How a node runs is node.ts's, what it is told settings.ts's.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, before } from 'node:test'

import type { Pair } from '../../sources/certificate.ts'
import { takePorts } from '../ports.ts'
import type { PortBlock } from '../ports.ts'
import { kafkaPrograms } from './install.ts'
import { KafkaNode } from './node.ts'
import { formatArgs, nodeSettings } from './settings.ts'
import type { SecureListener, SecureListeners, Settings, User } from './settings.ts'

const secureListeners: readonly SecureListener[] = ['SASL_PLAINTEXT', 'SASL_SSL', 'SSL', 'MTLS']
const portsOfNode = 3 + secureListeners.length

/** Who is called back when the brokers are no longer needed: a test, or `{ after }` of node:test for a whole file. */
export interface Owner {
  after(clean: () => Promise<void>): void
  /** Of a test: false when it has failed, and then the end of each log is told. */
  readonly passed?: boolean
  diagnostic?(message: string): void
}

/** What a cluster should be like. */
export interface ClusterOptions {
  /** How many nodes; one by default. */
  readonly nodes?: number
  /** How many of them, the first ones, are controllers too: these have to be more than half of them up. All by default. */
  readonly controllers?: number
  /** The folder in which they get a folder of their own; by default the system's for what passes. */
  readonly under?: string
  /** The folder in which each node has what it stores; by default beside its settings. Not removed. */
  readonly dataUnder?: string
  /** For all nodes, above those of settings.ts. */
  readonly settings?: Settings
  /** With it, there are the listeners `SASL_PLAINTEXT` and, with a certificate, `SASL_SSL`. */
  readonly users?: readonly User[]
  /** With it, there is the listener `SSL`. */
  readonly certificate?: Pair
  /** Certificates that clients may come with; then there is the listener `MTLS`. */
  readonly clientCertificates?: readonly string[]
  /** Java's own, added to those of programs.ts and above them. */
  readonly javaOptions?: readonly string[]
  /** Returns the port where clients of the plain listener are told to find the node, in place of its own. */
  readonly advertise?: (nodePort: number) => Promise<number>
}

/** One node of a cluster, and where it listens. */
export interface Broker {
  readonly id: number
  readonly node: KafkaNode
  /** Of clients, `host:port`: the advertised one. */
  readonly address: string
  /** For those who judge: never advertised to clients, never behind a proxy, and without credentials. */
  readonly innerAddress: string
  /** The address of a listener besides the plain one. *Errors*: where the broker has none. */
  addressOf(listener: SecureListener): string
}

/** Brokers that run. */
export interface Cluster {
  readonly brokers: readonly Broker[]
  /** Addresses of clients. */
  readonly addresses: readonly string[]
  /** Addresses for those who judge. */
  readonly innerAddresses: readonly string[]
  /** Ends all nodes at once and removes what they stored. */
  close(): Promise<void>
}

/** Starts a cluster and resolves when each node answers. It is closed when its owner is done. */
export async function startCluster(owner: Owner, options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes: count = 1, controllers = count, under = os.tmpdir() } = options
  const folder = await mkdtemp(path.join(under, 'weir-kafka-'))
  const block = await takePorts(count * portsOfNode)
  const brokers: Broker[] = []
  const cluster = clusterOf(brokers, folder, block)
  owner.after(async () => {
    if (owner.passed === false) for (const { id, node } of brokers) owner.diagnostic?.(`node ${id}: ${node.logEnd()}`)
    await cluster.close()
  })
  const voters = Array.from({ length: controllers }, (_, i) => [i + 1, block.ports[i * portsOfNode + 2]!] as const)
  const { ports } = block
  for (let id = 1; id <= count; id++) brokers.push(await makeBroker({ id, folder, ports, voters, options }))
  await Promise.all(brokers.map(({ node }) => node.start()))
  return cluster
}

/** Starts one broker; see `startCluster`. */
export async function startBroker(owner: Owner, options: ClusterOptions = {}): Promise<Broker & Cluster> {
  const cluster = await startCluster(owner, options)
  const broker = cluster.brokers[0]!
  return { ...cluster, ...broker }
}

/**
 * Has one broker run during all tests of a file, unless they are skipped. The returned function gives it, within tests. Where
 * a test fails, the end of the log is told. Topics need names of their own in each test.
 */
export function useBroker(skip: string | false, options: ClusterOptions = {}): () => Broker & Cluster {
  let broker: (Broker & Cluster) | undefined
  const cleanings: (() => Promise<void>)[] = []
  if (skip === false) {
    before(async () => {
      broker = await startBroker({ after: (clean) => cleanings.push(clean) }, options)
    })
    afterEach((t) => {
      if ('diagnostic' in t && 'passed' in t && t.passed === false) t.diagnostic(broker?.node.logEnd() ?? '')
    })
    after(async () => {
      for (const clean of cleanings) await clean()
    })
  }
  return () => {
    if (broker === undefined) throw new Error('The broker is there within tests only.')
    return broker
  }
}

interface BrokerPlan {
  readonly id: number
  readonly folder: string
  readonly ports: readonly number[]
  readonly voters: readonly (readonly [id: number, port: number])[]
  readonly options: ClusterOptions
}

async function makeBroker({ id, folder: parent, ports, voters, options }: BrokerPlan): Promise<Broker> {
  const { advertise, dataUnder, javaOptions = [], nodes = 1, settings, users = [] } = options
  const [port, innerPort, controllerPort, ...otherPorts] = ports.slice((id - 1) * portsOfNode) as [
    number,
    number,
    number,
  ]
  const folder = path.join(parent, `node-${id}`)
  await mkdir(folder)
  const advertisedPort = (await advertise?.(port)) ?? port
  const secure = await prepareListeners(folder, otherPorts, options)
  const place = { id, port, advertisedPort, innerPort, controllerPort, voters, nodes, secure }
  const programs = await kafkaPrograms()
  const node = new KafkaNode({
    ...{ programs, folder, port: innerPort },
    ...(dataUnder === undefined ? {} : { data: path.join(dataUnder, `node-${id}`) }),
    settings: { ...nodeSettings(place), ...settings },
    formatArgs: formatArgs(users),
    ...(javaOptions.length === 0 ? {} : { javaOptions: [`-XX:SharedArchiveFile=${programs.archive}`, ...javaOptions] }),
  })
  const addressOf = (listener: SecureListener) => {
    const at = secure.ports[listener]
    if (at === undefined) throw new Error(`The broker has no listener ${listener}: give it users or certificates.`)
    return `127.0.0.1:${at}`
  }
  return { id, node, address: `127.0.0.1:${advertisedPort}`, innerAddress: `127.0.0.1:${innerPort}`, addressOf }
}

/** Writes the files that listeners need, and says which there are. */
async function prepareListeners(
  folder: string,
  ports: readonly number[],
  options: ClusterOptions,
): Promise<SecureListeners> {
  const { users = [], certificate, clientCertificates } = options
  const pemPath = path.join(folder, 'node.pem')
  const clientsPath = path.join(folder, 'clients.pem')
  if (certificate !== undefined) await writeFile(pemPath, certificate.key + certificate.certificate)
  if (clientCertificates !== undefined) await writeFile(clientsPath, clientCertificates.join(''))
  const isThere: Readonly<Record<SecureListener, boolean>> = {
    SASL_PLAINTEXT: users.length > 0,
    SASL_SSL: users.length > 0 && certificate !== undefined,
    SSL: certificate !== undefined,
    MTLS: certificate !== undefined && clientCertificates !== undefined,
  }
  const wanted = secureListeners.flatMap((name, i) => (isThere[name] ? [[name, ports[i]!] as const] : []))
  return {
    ports: Object.fromEntries(wanted),
    users,
    ...(certificate === undefined ? {} : { pemPath }),
    ...(clientCertificates === undefined ? {} : { clientsPath }),
  }
}

function clusterOf(brokers: readonly Broker[], folder: string, block: PortBlock): Cluster {
  return {
    brokers,
    get addresses() {
      return brokers.map(({ address }) => address)
    },
    get innerAddresses() {
      return brokers.map(({ innerAddress }) => innerAddress)
    },
    close: async () => {
      await Promise.all(brokers.map(({ node }) => node.kill()))
      block.release()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
