// The tokens of the admin port: read from a file, one a line, so that an old one and its successor are valid at once;
// read anew when the file changes. Keeps digests only. Called by server.ts.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { ConfigError, systemReason } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import { readRegularFile } from '../regular-file.ts'
import type { StructuredLog } from '../structured-log.ts'
import type { StartTimer } from '../time.ts'
import { watchValue } from '../watched-value.ts'
import type { WatchedNews, WatchedValue } from '../watched-value.ts'

const mostTokenBytes = 1 << 20
/** Characters without spaces, as a header can carry them; fewer than 16 can be guessed. */
const tokenForm = /^[!-~]{16,256}$/

/** How the file is watched. */
export interface TokenOptions {
  readonly log: StructuredLog
  readonly metrics: Pick<Metrics, 'adminTokens'>
  readonly pollMs?: number
  readonly startTimer?: StartTimer
}

/** Returns the token that a request carries, or undefined. */
export function bearerOf({ headersDistinct }: IncomingMessage): string | undefined {
  const given = headersDistinct['authorization'] ?? []
  return given.length === 1 ? /^bearer +(\S+) *$/i.exec(given[0] ?? '')?.[1] : undefined
}

/** What tokens are kept as: equal lengths for the comparison, and nothing that could be used elsewhere. */
type Digest = (token: string) => Buffer

/** The tokens of a file, as it is now, or as it was when it was last good. */
export class Tokens {
  readonly #digest: Digest
  readonly #digests: WatchedValue<readonly Buffer[]>

  private constructor(digests: WatchedValue<readonly Buffer[]>, digest: Digest) {
    this.#digests = digests
    this.#digest = digest
  }

  /** Reads the file, and watches it. *Errors*: `ERR_CONFIG_TOKEN`. */
  static async open(file: string, { log, metrics, ...watching }: TokenOptions): Promise<Tokens> {
    const key = randomBytes(32)
    const digest: Digest = (token) => createHmac('sha256', key).update(token).digest()
    const report = ({ error }: WatchedNews) => {
      metrics.adminTokens(error !== undefined)
      if (error === undefined) log.info('The tokens of the admin port are read anew.', { file })
      else log.error('The token file cannot be used; the tokens before stay valid.', { file, error })
    }
    const read = async () => (await readTokens(file)).map(digest)
    const digests = await watchValue({ paths: [file], read, report, ...watching })
    metrics.adminTokens(false)
    return new Tokens(digests, digest)
  }

  /** Returns the number of the line, from 1, on which the token stands, or undefined. Takes equally long for any token. */
  lineOf(token: string): number | undefined {
    const given = this.#digest(token)
    let found: number | undefined
    for (const [i, digest] of this.#digests.current.entries()) if (timingSafeEqual(digest, given)) found = i + 1
    return found
  }

  /** Looks at the file now. Never rejects. */
  async poll(): Promise<void> {
    await this.#digests.poll()
  }

  async close(): Promise<void> {
    await this.#digests.close()
  }
}

/** Returns the tokens that a file holds. *Errors*: `ERR_CONFIG_TOKEN`. */
async function readTokens(file: string): Promise<string[]> {
  let text: string
  try {
    text = (await readRegularFile(file, mostTokenBytes)).toString('utf8')
  } catch (error) {
    const message = `The token file ${file} cannot be read: ${systemReason(error)}.`
    throw new ConfigError('ERR_CONFIG_TOKEN', message, {}, { cause: error })
  }
  const lines = text.split(/\r?\n/)
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw new ConfigError('ERR_CONFIG_TOKEN', `The token file ${file} is empty.`)
  const bad = lines.findIndex((line) => !tokenForm.test(line))
  if (bad >= 0) {
    // Not the line itself: it may be a token with a slip in it.
    throw new ConfigError('ERR_CONFIG_TOKEN', `Line ${bad + 1} of the token file ${file} is no token.`)
  }
  return lines
}
