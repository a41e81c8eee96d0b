// The certificate of the http source: read from PEM files, checked before use, and read again when they change. Called
// by http-server.ts.

import { createSecureContext } from 'node:tls'
import type { SecureContextOptions } from 'node:tls'

import { ConfigError, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'

/** A chain of certificates has some tens of thousands. */
const mostPemBytes = 4 << 20

/** Paths of PEM files. The certificate file holds the chain, the own certificate first. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

/** Reads the files. *Errors*: `ERR_CONFIG_TLS`, also where key and certificate are not of one pair. */
export async function readTls({ certificate, key }: TlsFiles): Promise<SecureContextOptions> {
  const read = async (path: string) => {
    try {
      return await readRegularFile(path, mostPemBytes)
    } catch (error) {
      const message = `Cannot read ${path}: ${systemReason(error)}.`
      throw new ConfigError('ERR_CONFIG_TLS', message, { path }, { cause: error })
    }
  }
  const options: SecureContextOptions = { cert: await read(certificate), key: await read(key), minVersion: 'TLSv1.2' }
  try {
    createSecureContext(options)
  } catch (error) {
    const message = `The certificate ${certificate} cannot be used with the key ${key}: ${(error as Error).message}.`
    throw new ConfigError('ERR_CONFIG_TLS', message, { certificate, key })
  }
  return options
}
