// Password and certificates for Kafka: read from files, and read again when they change. What is read serves the
// connections that are opened from then on. Called by cluster.ts.

import { createSecureContext } from 'node:tls'
import type { SecureContextOptions } from 'node:tls'

import { ConfigError, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'
import { watchValue } from '../watched-value.ts'
import type { WatchedNews, WatchedValue } from '../watched-value.ts'
import type { KafkaSasl, KafkaTls } from './options.ts'

const mostPasswordBytes = 4 << 10
const mostPemBytes = 4 << 20

/** What new connections are opened with. */
export interface Credentials {
  /** Absent: no TLS. */
  readonly tls?: SecureContextOptions
  /** Absent: no SASL. */
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password: string }
}

/** Where credentials come from. */
export interface CredentialFiles {
  readonly tls?: KafkaTls
  readonly sasl?: KafkaSasl
  readonly pollMs?: number
  readonly report: (news: WatchedNews) => void
}

/** Reads the credentials, and watches their files. *Errors*: `ERR_CONFIG_KAFKA`, `ERR_CONFIG_TLS`. */
export async function openCredentials({ tls, sasl, ...watching }: CredentialFiles): Promise<WatchedValue<Credentials>> {
  const paths = [sasl?.passwordFile, tls?.ca, tls?.certificate, tls?.key].filter((path) => path !== undefined)
  const read = async () => ({
    ...(tls === undefined ? {} : { tls: await readTls(tls) }),
    ...(sasl === undefined ? {} : { sasl: await readSasl(sasl) }),
  })
  // Nothing to watch is no reason for a timer.
  if (paths.length === 0) {
    return { current: await read(), poll: () => Promise.resolve(), close: () => Promise.resolve() }
  }
  return watchValue<Credentials>({ ...watching, paths, read })
}

async function readSasl({ mechanism, user, passwordFile }: KafkaSasl) {
  let text: string
  try {
    text = (await readRegularFile(passwordFile, mostPasswordBytes)).toString()
  } catch (cause) {
    const message = `Cannot read the password file ${passwordFile}: ${systemReason(cause)}.`
    throw new ConfigError('ERR_CONFIG_KAFKA', message, { path: passwordFile }, { cause })
  }
  const password = text.replace(/\r?\n$/, '')
  if (password === '' || /[\r\n\0]/.test(password)) {
    const message = `The password file ${passwordFile} has to hold one line, the password.`
    throw new ConfigError('ERR_CONFIG_KAFKA', message, { path: passwordFile })
  }
  return { mechanism, username: user, password }
}

async function readTls({ ca, certificate, key }: KafkaTls): Promise<SecureContextOptions> {
  const options: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: await readPem(ca) }),
    ...(certificate === undefined ? {} : { cert: await readPem(certificate) }),
    ...(key === undefined ? {} : { key: await readPem(key) }),
  }
  try {
    createSecureContext(options)
  } catch (error) {
    const files = [ca, certificate, key].filter((path) => path !== undefined).join(', ')
    throw new ConfigError('ERR_CONFIG_TLS', `TLS for Kafka cannot use ${files}: ${(error as Error).message}.`, {})
  }
  return options
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readRegularFile(path, mostPemBytes)
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_TLS', `Cannot read ${path}: ${systemReason(cause)}.`, { path }, { cause })
  }
}
