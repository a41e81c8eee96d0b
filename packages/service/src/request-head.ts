// Judges the head of a request before anything else is done with it: framing that Node lets pass, pages of browsers,
// the path, the encoding. Pages are kept from a service on the same machine, also those whose name was made to point
// there. Looks at headers alone. Called by the http source and the admin port.

import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

import { isLoopback } from './address.ts'
import type { ListenAddress } from './address.ts'

/** How pages of browsers are refused on every port. */
export const foreignRefusals = {
  'foreign-host': {
    status: 403,
    message: 'The Host header names neither an address, nor localhost, nor a configured name.',
  },
  'foreign-origin': { status: 403, message: 'The request was made by a page of another origin.' },
} as const

/** A code by which every port refuses a request for its head. */
export type HeadRefusal = keyof typeof foreignRefusals | 'bad-framing'

/** By whom a server may be called. */
export interface HostPolicy {
  /** The server listens on a loopback address: then a page whose name was made to point there must not reach it. */
  readonly isLoopback: boolean
  /** Names, in lower case and without a port, by which it may be called all the same. */
  readonly names: ReadonlySet<string>
}

/** Returns whom a server answers that listens there. `names`: host names by which it may be called. */
export function hostPolicy(listen: ListenAddress, names: readonly string[] = []): HostPolicy {
  return { isLoopback: isLoopback(listen), names: new Set(names.map((name) => name.toLowerCase())) }
}

/** Returns why a request must be refused that a page of another origin could have made, or nothing. */
export function refuseForeign(request: IncomingMessage, policy: HostPolicy): HeadRefusal | undefined {
  const { host, origin } = request.headers
  const hosts = [host ?? '', ...(targetOf(request)?.host ?? [])]
  if (policy.isLoopback && !hosts.every((each) => isOwnHost(each, policy.names))) return 'foreign-host'
  if (origin !== undefined && hostOfOrigin(origin) !== host?.toLowerCase()) return 'foreign-origin'
  return isFromElsewhere(request) ? 'foreign-origin' : undefined
}

/** What browsers say of requests that carry no origin: images, scripts, forms. Following a link is nobody's harm. */
function isFromElsewhere({ headers, method }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return headers['sec-fetch-mode'] !== 'navigate' || (method !== 'GET' && method !== 'HEAD')
}

/** Returns why the framing of a request is refused that Node's parser lets pass, or nothing. */
export function refuseFraming(request: IncomingMessage): HeadRefusal | undefined {
  const { httpVersion, headersDistinct } = request
  const encoding = request.headers['transfer-encoding']
  const isFine =
    (httpVersion === '1.1' || httpVersion === '1.0') &&
    headersDistinct['host']?.length === 1 &&
    (encoding === undefined || encoding.trim().toLowerCase() === 'chunked') &&
    targetOf(request) !== undefined
  return isFine ? undefined : 'bad-framing'
}

/** Returns the path that a request asks for, without its query. */
export function pathOf(request: IncomingMessage): string | undefined {
  return targetOf(request)?.path
}

/** How a body says that it is compressed. */
export type ContentEncoding = 'identity' | 'gzip'

/** Returns the encoding, or why it is refused. */
export function contentEncodingOf(request: IncomingMessage): ContentEncoding | 'unknown-encoding' | 'double-encoding' {
  const header = request.headers['content-encoding']
  const names = (header ?? '').split(',').map((name) => name.trim().toLowerCase())
  const codings = names.filter((name) => name !== '' && name !== 'identity')
  if (codings.length > 1) return 'double-encoding'
  if (codings.length === 0) return 'identity'
  return codings[0] === 'gzip' || codings[0] === 'x-gzip' ? 'gzip' : 'unknown-encoding'
}

/** Returns the length that a request announces, or undefined where its body comes in chunks. 0: there is no body. */
export function announcedBytes(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined
  return Number(request.headers['content-length'] ?? 0)
}

/** Returns whether a request announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  return announcedBytes(request) !== 0
}

/** The target of a request: a path, or a whole URL as proxies are sent. */
function targetOf({ url = '' }: IncomingMessage): { path: string; host?: [string] } | undefined {
  if (url.startsWith('/')) return { path: url.split(/[?#]/, 1)[0] ?? '' }
  const match = /^https?:\/\/([^/?#@]+)([^?#]*)/i.exec(url)
  if (match?.[1] === undefined) return url === '*' ? { path: '*' } : undefined
  return { path: match[2] === undefined || match[2] === '' ? '/' : match[2], host: [match[1]] }
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
