// Addresses to listen on, as settings have them: `127.0.0.1:9880`. What they are, whether others can reach them, whether
// two are in each other's way, and what is said of them. Opens nothing. Called by config/ and whoever listens.

import { BlockList, isIPv4, isIPv6 } from 'node:net'

import { ConnectorError, mayPass, systemCode, systemReason } from './errors.ts'

/** Where a server listens. */
export interface ListenAddress {
  /** An IP address, without brackets, or a host name. */
  readonly host: string
  /** 0 to 65535; 0 is any that is free. */
  readonly port: number
}

/** The form of an address, for schemas; it also admits ports and IP addresses that do not exist. */
export const addressPattern = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):[0-9]{1,5}$/

/** Returns the address that `HOST:PORT` means, IPv6 in brackets: `[::1]:9880`. Undefined for other text. */
export function addressOf(text: string): ListenAddress | undefined {
  if (!addressPattern.test(text)) return undefined
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  const written = text.slice(0, colon)
  const host = written.startsWith('[') ? written.slice(1, -1) : written
  if (port > 65_535 || (written.startsWith('[') && !isIPv6(host))) return undefined
  // What looks like IPv4 and is none, as 127.0.0.256, would be asked of a name server.
  if (/^[0-9.]+$/.test(host) && !isIPv4(host)) return undefined
  return { host: host.toLowerCase(), port }
}

/** Returns an address as text, IPv6 in brackets. */
export function addressText({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Returns what is thrown when the system refuses to listen there: `ERR_CONNECTOR_LISTEN`. */
export function listenError(address: ListenAddress, error: unknown): ConnectorError {
  const message = `Cannot listen on ${addressText(address)}: ${systemReason(error)}.`
  const details = { ...address, system: systemCode(error) }
  return new ConnectorError('ERR_CONNECTOR_LISTEN', message, { retryable: mayPass(error), details, cause: error })
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Returns whether only this machine can reach what listens there. A name other than `localhost` is taken to be public. */
export function isLoopback({ host }: ListenAddress): boolean {
  if (host === 'localhost') return true
  // A v4-mapped v6 address is looked up among the v4 ones.
  return isIPv6(host) ? loopback.check(host, 'ipv6') : isIPv4(host) && loopback.check(host, 'ipv4')
}

/** Returns whether two servers may not listen on both: one port, and one host or a host that stands for all. */
export function isSameAddress(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port === 0 || a.port !== b.port) return false
  const [hostsA, hostsB] = [hostsOf(a.host), hostsOf(b.host)]
  return hostsA.some((one) => hostsB.some((other) => one === other || covers(one, other) || covers(other, one)))
}

/** The spellings of one address become one. A name other than `localhost` stands for itself: nothing is looked up. */
function hostsOf(host: string): readonly string[] {
  if (host === 'localhost') return ['127.0.0.1', '::1']
  if (!isIPv6(host)) return [host]
  const canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return [canonical]
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`]
}

/** Node listens on `::` for IPv4 as well; `0.0.0.0` is every IPv4 address. A name may be any address. */
function covers(one: string, other: string): boolean {
  return one === '::' || (one === '0.0.0.0' && !isIPv6(other))
}
