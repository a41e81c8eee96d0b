// Makes self-signed certificates for tests, byte by byte: Node makes keys and signatures, but no certificates. RFC 5280,
// the least that a client takes. Called by tests.

import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

/** Returns a pair for `localhost` and 127.0.0.1; `serial` tells one from another. */
export function makePair(serial: number): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const algorithm = sequence(objectId('2a8648ce3d040302'))
  const name = sequence(tagged(0x31, sequence(objectId('550403'), tagged(0x0c, Buffer.from('localhost')))))
  const validity = sequence(time('20200101000000Z'), time('20991231235959Z'))
  const alternatives = sequence(tagged(0x82, Buffer.from('localhost')), tagged(0x87, Buffer.of(127, 0, 0, 1)))
  const names = sequence(objectId('551d11'), tagged(4, alternatives))
  const body = sequence(
    tagged(0xa0, tagged(2, Buffer.of(2))),
    tagged(2, Buffer.of(serial)),
    algorithm,
    name,
    validity,
    name,
    publicKey,
    tagged(0xa3, sequence(names)),
  )
  const signature = sign('sha256', body, createPrivateKey(privateKey))
  const certificate = sequence(body, algorithm, tagged(3, Buffer.concat([Buffer.of(0), signature])))
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return { certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, key: privateKey }
}

function tagged(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function objectId(hex: string): Buffer {
  return tagged(6, Buffer.from(hex, 'hex'))
}

function time(text: string): Buffer {
  return tagged(0x18, Buffer.from(text))
}
