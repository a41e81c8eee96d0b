// Every number of the http source, with its meaning; docs/ingest.md is held equal to this table by a test. The settings
// have their defaults from here. Called by the http source and config.

/** One row: the value in force unless set otherwise, and what it bounds. */
export interface LimitRow {
  /** The setting of an http source that sets it; absent: nothing does. */
  readonly setting?: string
  readonly value: number
  readonly meaning: string
}

/** The limits of the http source, each with its default. */
export const httpLimitTable = {
  bodyBytes: { setting: 'maxBodyBytes', value: 16 << 20, meaning: 'Longest body as it travels, compressed or not.' },
  inflatedBytes: {
    setting: 'maxInflatedBytes',
    value: 128 << 20,
    meaning: 'Longest body once it is inflated, all gzip members together.',
  },
  inflationRatio: { setting: 'maxRatio', value: 200, meaning: 'Inflated bytes for each compressed one, at most.' },
  ratioFromBytes: { value: 1 << 20, meaning: 'Inflated bytes from which the ratio counts.' },
  envelopeBytes: { value: 16 << 20, meaning: 'Longest body that may be an envelope.' },
  headerBytes: {
    setting: 'maxHeaderBytes',
    value: 16 << 10,
    meaning: 'Longest head of a request: its line and all headers.',
  },
  connections: {
    setting: 'maxConnections',
    value: 16_384,
    meaning: 'Connections open at a time; fewer where the process has not the descriptors.',
  },
  headersTimeoutMs: {
    setting: 'headersWithinMs',
    value: 10_000,
    meaning: 'Time for the head of a request, and for the handshake of TLS.',
  },
  requestTimeoutMs: { setting: 'requestWithinMs', value: 60_000, meaning: 'Time for a whole request.' },
  keepAliveTimeoutMs: {
    setting: 'keepAliveMs',
    value: 75_000,
    meaning: 'How long a connection may rest between requests.',
  },
  checkIntervalMs: { value: 5_000, meaning: 'How often connections are looked through for those whose time is over.' },
  stallMs: { value: 5_000, meaning: 'Silence within a body after which it gives way when bytes are short.' },
  deadlineMs: { setting: 'answerWithinMs', value: 20_000, meaning: 'Time from the end of a body to its answer.' },
  lingerMs: { value: 2_000, meaning: 'How long the rest of a refused body is read and thrown away.' },
  retryAfterLeastSeconds: { value: 5, meaning: 'Shortest `Retry-After` of a 503.' },
  retryAfterMostSeconds: { value: 30, meaning: 'Longest `Retry-After` of a 503.' },
  concurrentHashes: { value: 2, meaning: 'Passwords hashed at a time.' },
  credentialBytesPerSecond: {
    setting: 'rateBytesPerSecond',
    value: 0,
    meaning: 'Rate of each credential, in bytes as they travel; 0: none.',
  },
  pollMs: { value: 2_000, meaning: 'How often files of credentials and certificates are looked at.' },
} as const satisfies Record<string, LimitRow>

/** The numbers alone. */
export type HttpLimits = { readonly [K in keyof typeof httpLimitTable]: number }

/** Returns the defaults, with what is given in their place. */
export function httpLimits(given: Partial<HttpLimits> = {}): HttpLimits {
  const defaults = Object.entries(httpLimitTable).map(([name, { value }]) => [name, value])
  return { ...(Object.fromEntries(defaults) as HttpLimits), ...given }
}
