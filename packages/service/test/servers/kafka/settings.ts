// What the settings of a node of Kafka say: small, quick to start, strict where Weir's promises need it, and with listeners
// for credentials and TLS where they are asked for. Nothing is started here. Called by broker.ts and install.ts.

/** Settings as Kafka names them. */
export type Settings = Readonly<Record<string, string | number>>

/** What tells one node from another. All ports are on 127.0.0.1. */
export interface NodePlace {
  readonly id: number
  /** For clients. */
  readonly port: number
  /** Where clients are told to connect; by default `port`. */
  readonly advertisedPort?: number
  /** For other nodes, and for whoever judges what clients did. */
  readonly innerPort: number
  readonly controllerPort: number
  /** Identifiers and controller ports of all controllers. */
  readonly voters: readonly (readonly [id: number, port: number])[]
  /** How many nodes there are; by default as many as voters. Whoever is no voter is no controller. */
  readonly nodes?: number
  readonly secure?: SecureListeners
}

/** Somebody who may connect with a password. */
export interface User {
  /** Of letters, digits and hyphens, as is the password: settings would have to quote others. */
  readonly name: string
  readonly password: string
}

/** Listeners besides the plain one. */
export interface SecureListeners {
  readonly ports: Readonly<Partial<Record<SecureListener, number>>>
  /** Known to PLAIN, and from the first start on to SCRAM. */
  readonly users: readonly User[]
  /** Path of a PEM file with key and certificate of the node. */
  readonly pemPath?: string
  /** Path of a PEM file with the certificates that clients may come with. */
  readonly clientsPath?: string
}

/** Names of listeners besides the plain one. `MTLS` wants a certificate of the client. */
export type SecureListener = 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SSL' | 'MTLS'

const protocolOf = { SASL_PLAINTEXT: 'SASL_PLAINTEXT', SASL_SSL: 'SASL_SSL', SSL: 'SSL', MTLS: 'SSL' } as const
const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** A way to prove a password without sending it. */
export type ScramMechanism = (typeof scram)[number]

/** Returns the settings of a node of a cluster with as many nodes as there are voters. */
export function nodeSettings(place: NodePlace): Settings {
  const { id, port, advertisedPort = port, innerPort, controllerPort, voters, secure } = place
  const isVoter = voters.some(([voter]) => voter === id)
  const replicas = place.nodes ?? voters.length
  const isrLeast = Math.min(2, replicas)
  const securePorts = Object.entries(secure?.ports ?? {})
  const controller = isVoter ? [['CONTROLLER', controllerPort]] : []
  const listeners = [['PLAINTEXT', port], ['INNER', innerPort], ...controller, ...securePorts]
  const advertised = [['PLAINTEXT', advertisedPort], ['INNER', innerPort], ...securePorts]
  const protocols = { PLAINTEXT: 'PLAINTEXT', INNER: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...protocolOf }
  return {
    'process.roles': isVoter ? 'broker,controller' : 'broker',
    'node.id': id,
    'controller.quorum.voters': voters.map(([voter, at]) => `${voter}@127.0.0.1:${at}`).join(','),
    listeners: addresses(listeners),
    'advertised.listeners': addresses(advertised),
    'listener.security.protocol.map': Object.entries(protocols)
      .map((each) => each.join(':'))
      .join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INNER',
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': isrLeast,
    // Few partitions, since each is two files to make when the first group or transaction comes.
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': isrLeast,
    // Nobody should wait for what a real cluster waits for: more members, sessions that are over, transactions left open.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 1,
    'log.cleaner.dedupe.buffer.size': 2 << 20,
    'log.cleaner.threads': 1,
    ...(replicas > 1 ? clusterSettings : loneSettings),
    ...(secure === undefined ? {} : secureSettings(secure)),
  }
}

/** A node that was killed may not come back before its session is over. */
const loneSettings: Settings = { 'broker.session.timeout.ms': 3000, 'broker.heartbeat.interval.ms': 500 }

/** A node that is gone should be missed in seconds. */
const clusterSettings: Settings = {
  'broker.session.timeout.ms': 6000,
  'broker.heartbeat.interval.ms': 1000,
  'controller.quorum.election.timeout.ms': 1000,
  'controller.quorum.fetch.timeout.ms': 2000,
}

/** What `kafka-storage format` is told of users: SCRAM has them in the cluster's own log. */
export function formatArgs(users: readonly User[]): readonly string[] {
  return users.flatMap(({ name, password }) =>
    scram.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
  )
}

function addresses(listeners: readonly (readonly (string | number)[])[]): string {
  return listeners.map(([name, port]) => `${name}://127.0.0.1:${port}`).join(',')
}

function secureSettings({ users, pemPath, clientsPath }: SecureListeners): Settings {
  return {
    ...(users.length === 0 ? {} : passwordSettings(users)),
    ...(pemPath === undefined ? {} : { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': pemPath }),
    ...(clientsPath === undefined ? {} : { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': clientsPath }),
    'listener.name.mtls.ssl.client.auth': 'required',
  }
}

function passwordSettings(users: readonly User[]): Settings {
  const modules = 'org.apache.kafka.common.security'
  const plain = users.map(({ name, password }) => ` user_${name}="${password}"`).join('')
  const settings: Record<string, string> = { 'sasl.enabled.mechanisms': ['PLAIN', ...scram].join(',') }
  for (const listener of ['sasl_plaintext', 'sasl_ssl']) {
    const prefix = `listener.name.${listener}`
    settings[`${prefix}.plain.sasl.jaas.config`] = `${modules}.plain.PlainLoginModule required${plain};`
    for (const mechanism of scram) {
      const name = `${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`
      settings[name] = `${modules}.scram.ScramLoginModule required;`
    }
  }
  return settings
}
