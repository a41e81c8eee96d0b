// The tokens of the admin port: read from a file, one a line, so that an old one and its successor are valid at once;
// read anew when the file changes. Keeps digests only. Called by server.ts.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { ConfigError, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'
import type { StructuredLog } from '../structured-log.ts'
import type { StartTimer } from '../time.ts'
import { watchFiles } from '../watch.ts'
import type { Watch } from '../watch.ts'

/** Characters without spaces, as a header can carry them; fewer than 16 can be guessed. */
const mostTokenBytes = 1 << 20
const tokenForm = /^[!-~]{16,256}$/

/** How the file is watched. */
export interface TokenOptions {
  readonly log: StructuredLog
  readonly pollMs?: number
  readonly startTimer?: StartTimer
}

/** Returns the token that a request carries, or undefined. */
export function bearerOf({ headersDistinct }: IncomingMessage): string | undefined {
  const given = headersDistinct['authorization'] ?? []
  return given.length === 1 ? /^bearer +(\S+) *$/i.exec(given[0] ?? '')?.[1] : undefined
}

/** The tokens of a file, as it is now, or as it was when it was last good. */
export class Tokens {
  readonly #file: string
  readonly #log: StructuredLog
  /** Equal lengths for the comparison, and nothing in memory that could be used elsewhere. */
  readonly #key = randomBytes(32)
  #digests: readonly Buffer[] = []
  #watch: Watch | undefined

  private constructor(file: string, log: StructuredLog) {
    this.#file = file
    this.#log = log
  }

  /** Reads the file, and watches it. *Errors*: `ERR_CONFIG_TOKEN`. */
  static async open(file: string, { log, ...watching }: TokenOptions): Promise<Tokens> {
    const tokens = new Tokens(file, log)
    // Watched before it is read: a change between the two is seen.
    const onChange = () => tokens.#reload()
    tokens.#watch = await watchFiles([file], onChange, { ...watching, onError: () => undefined })
    try {
      tokens.#digests = await tokens.#read()
    } catch (error) {
      await tokens.close()
      throw error
    }
    return tokens
  }

  /** Returns the number of the line, from 1, on which the token stands, or undefined. Takes equally long for any token. */
  lineOf(token: string): number | undefined {
    const given = this.#digest(token)
    let found: number | undefined
    for (const [i, digest] of this.#digests.entries()) if (timingSafeEqual(digest, given)) found = i + 1
    return found
  }

  /** Looks at the file now. Never rejects. */
  async poll(): Promise<void> {
    await this.#watch?.poll()
  }

  async close(): Promise<void> {
    await this.#watch?.close()
  }

  async #reload(): Promise<void> {
    try {
      this.#digests = await this.#read()
      this.#log.info('The tokens of the admin port are read anew.', { file: this.#file, tokens: this.#digests.length })
    } catch (error) {
      this.#log.error('The token file cannot be used; the tokens before stay valid.', { file: this.#file, error })
    }
  }

  async #read(): Promise<readonly Buffer[]> {
    let text: string
    try {
      text = (await readRegularFile(this.#file, mostTokenBytes)).toString('utf8')
    } catch (error) {
      throw new ConfigError('ERR_CONFIG_TOKEN', `The token file ${this.#file} cannot be read: ${systemReason(error)}.`)
    }
    const lines = text.split(/\r?\n/)
    while (lines.at(-1) === '') lines.pop()
    if (lines.length === 0) throw new ConfigError('ERR_CONFIG_TOKEN', `The token file ${this.#file} is empty.`)
    const bad = lines.findIndex((line) => !tokenForm.test(line))
    if (bad >= 0) {
      // Not the line itself: it may be a token with a slip in it.
      throw new ConfigError('ERR_CONFIG_TOKEN', `Line ${bad + 1} of the token file ${this.#file} is no token.`)
    }
    return lines.map((line) => this.#digest(line))
  }

  #digest(token: string): Buffer {
    return createHmac('sha256', this.#key).update(token).digest()
  }
}
