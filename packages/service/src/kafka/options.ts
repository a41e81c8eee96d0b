// What a cluster is opened with. Types and defaults only. Called by cluster.ts and by whoever reads settings.

import type { StructuredLog } from '../structured-log.ts'

/** Mechanisms of SASL that are spoken. */
export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

/** Paths of PEM files for TLS; all may be absent, then the system's authorities are trusted. */
export interface KafkaTls {
  /** Authorities that are trusted instead of the system's. */
  readonly ca?: string
  /** Our own certificate with its chain, and its key: for brokers that want one. */
  readonly certificate?: string
  readonly key?: string
}

/** How the process says who it is. */
export interface KafkaSasl {
  readonly mechanism: SaslMechanism
  readonly user: string
  /** Path of a file whose one line is the password. */
  readonly passwordFile: string
}

/** How a cluster is reached and used. */
export interface KafkaOptions {
  /** `HOST:PORT`; a v6 address in brackets. */
  readonly brokers: readonly string[]
  /** What brokers' logs call this process. Default: `weir`. */
  readonly clientId?: string
  /** Absent: no TLS. */
  readonly tls?: KafkaTls
  readonly sasl?: KafkaSasl
  /** How long a member of a group may be silent. Default: 30 s. */
  readonly sessionMs?: number
  /** How long a broker may take for an answer, and a call of `ClusterAdmin` altogether. Default: 15 s. */
  readonly requestMs?: number
  /** How long a transaction may be open before the brokers give it up. Default: 60 s. */
  readonly transactionMs?: number
  /** Bytes asked of one partition at a time. Default: 8 MiB. */
  readonly fetchBytes?: number
  /** How what is sent is compressed. Default: not at all. */
  readonly compression?: 'none' | 'gzip'
  /** Is told what the library says, at level `debug`, and what becomes of changed credentials. */
  readonly log?: StructuredLog
  /** How often files with credentials are looked at. Default: a second. */
  readonly pollMs?: number
}

/** The defaults of what is a number, in milliseconds or bytes. */
export const kafkaDefaults = {
  sessionMs: 30_000,
  requestMs: 15_000,
  transactionMs: 60_000,
  fetchBytes: 8 << 20,
} as const
