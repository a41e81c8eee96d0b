// Who may ask the admin port: judges the head of a request before anything else is done with it. Pages of browsers are
// kept from a service on the same machine, also those whose name was made to point there; and tokens are compared.
// Looks at headers alone. Called by server.ts.

import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

import type { AdminCode } from './answers.ts'

/** By whom a server may be called. */
export interface HostPolicy {
  /** The server listens on a loopback address. */
  readonly isLoopback: boolean
  /** Names, in lower case and without a port, by which it may be called all the same. */
  readonly names: ReadonlySet<string>
}

/** Returns whether an address to listen on is reached from this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Returns why a request is refused for its form or its sender, or undefined. */
export function refuseRequest(request: IncomingMessage, policy: HostPolicy): AdminCode | undefined {
  const { headersDistinct, httpVersion, url = '' } = request
  const { host, origin } = request.headers
  const isKnown = httpVersion === '1.1' || httpVersion === '1.0'
  const isWellFormed = isKnown && headersDistinct['host']?.length === 1 && url.startsWith('/')
  if (!isWellFormed || host === undefined) return 'bad-request'
  if (policy.isLoopback && !isOwnHost(host, policy.names)) return 'foreign-host'
  if (origin !== undefined && hostOfOrigin(origin) !== host.toLowerCase()) return 'foreign-origin'
  return isFromElsewhere(request) ? 'foreign-origin' : undefined
}

/** What browsers say of requests that carry no origin: images, scripts, forms. Following a link is nobody's harm. */
function isFromElsewhere({ headers, method }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return headers['sec-fetch-mode'] !== 'navigate' || (method !== 'GET' && method !== 'HEAD')
}

function isOwnHost(host: string, names: ReadonlySet<string>): boolean {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/.exec(host)
  if (match === null) return false
  const [, v6, name = ''] = match
  if (v6 !== undefined) return isIP(v6) === 6
  return isIP(name) === 4 || name.toLowerCase() === 'localhost' || names.has(name.toLowerCase())
}

function hostOfOrigin(origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}

/** Returns the token that a request carries, or undefined. */
export function bearerOf({ headersDistinct }: IncomingMessage): string | undefined {
  const given = headersDistinct['authorization'] ?? []
  return given.length === 1 ? /^bearer +(\S+) *$/i.exec(given[0] ?? '')?.[1] : undefined
}
