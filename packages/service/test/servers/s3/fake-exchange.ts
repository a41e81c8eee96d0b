// One call to the fake store, and its answer: what S3 does, and before and after that what the script says. Called by
// fake-s3.ts.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { errorBody, escaped } from './misdeeds.ts'
import type { FakeCall, Misdeed } from './misdeeds.ts'

/** An object in it. */
export interface FakeObject {
  readonly bytes: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly contentType: string
  readonly modifiedMs: number
}

/** What a fake is like while a call is answered. */
export interface FakeState {
  readonly buckets: Map<string, Map<string, FakeObject>>
  readonly ignoresConditions: boolean
  readonly hidesMissing: boolean
  readonly clockMs: number
  readonly region: string
  readonly accessKeys: readonly string[]
  /** Objects of a bucket, by key. */
  objects(bucket: string): Map<string, FakeObject>
}

const mostSkewMs = 15 * 60_000
/** A body that is refused is taken nevertheless where it is shorter, and else the connection ended. */
const mostDrainedBytes = 64 << 10

/** What a call came with. */
export interface ExchangeParts {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Has the client send its body, where it asked first. */
  readonly goOn: () => void
  readonly pageSize: number
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

const stored: Answer = { status: 200, headers: { etag: '"0"' } }

/** One call, and its answer. */
export class Exchange {
  readonly #fake: FakeState
  readonly #call: FakeCall
  readonly #parts: ExchangeParts

  constructor(fake: FakeState, call: FakeCall, parts: ExchangeParts) {
    this.#fake = fake
    this.#call = call
    this.#parts = parts
  }

  async run(misdeed: Misdeed | undefined): Promise<void> {
    const { request } = this.#parts
    if (misdeed?.does === 'wait') await misdeed.until
    if (misdeed?.does === 'reset') return void request.socket.destroy()
    if (misdeed?.does === 'refuse') return this.#send(refusalOf(misdeed))
    const early = this.#earlyRefusal(misdeed)
    if (early !== undefined) return this.#send(early)
    this.#parts.goOn()
    const body = await this.#body(misdeed?.does === 'reset-after' ? misdeed.bodyBytes : Infinity)
    if (body === undefined) return void request.socket.destroy()
    if (misdeed?.does === 'hang' && misdeed.stores !== true) return
    if (misdeed?.does === 'error-inside' && misdeed.stores !== true) return this.#send(insideOf(misdeed.code))
    const answer = this.#answer(body, misdeed)
    if (misdeed?.does === 'hang') return
    if (misdeed?.does === 'lose-answer') return void request.socket.destroy()
    if (misdeed?.does === 'error-inside') return this.#send(insideOf(misdeed.code))
    this.#send(answer, misdeed?.does)
  }

  /** What is refused for its head, before the body is there. */
  #earlyRefusal(misdeed: Misdeed | undefined): Answer | undefined {
    const { headers, operation, bucket } = this.#call
    const { accessKey, region, signedMs } = signatureOf(headers)
    if (!this.#fake.accessKeys.includes(accessKey)) return error(403, 'InvalidAccessKeyId', 'No such key.')
    if (region !== this.#fake.region) {
      const message = `The region '${region}' is wrong; expecting '${this.#fake.region}'`
      const inside = { Region: this.#fake.region }
      return error(400, 'AuthorizationHeaderMalformed', message, inside, { 'x-amz-bucket-region': this.#fake.region })
    }
    const skewMs = Math.abs(signedMs - this.#nowMs())
    if (!(skewMs <= mostSkewMs)) return error(403, 'RequestTimeTooSkewed', 'The clocks differ too much.')
    if (!['buckets', 'make'].includes(operation) && !this.#fake.buckets.has(bucket)) {
      return error(404, 'NoSuchBucket', 'The specified bucket does not exist', { BucketName: bucket })
    }
    return operation === 'put' ? (headerRefusal(headers) ?? this.#conditionRefusal(misdeed)) : undefined
  }

  #conditionRefusal(misdeed: Misdeed | undefined): Answer | undefined {
    const isObeyed = !this.#fake.ignoresConditions && misdeed?.does !== 'ignore-condition'
    const { bucket, headers, key } = this.#call
    const mustBeNew = headers['if-none-match'] === '*' && isObeyed
    if (!mustBeNew || !this.#fake.objects(bucket).has(key)) return undefined
    return error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
  }

  /** Resolves with nothing where the connection ends, or is to be ended, before all of it is there. */
  async #body(mostBytes: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of this.#parts.request as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        this.#call.bodyBytes += chunk.length
        if (this.#call.bodyBytes >= mostBytes) return undefined
      }
    } catch {
      return undefined
    }
    return this.#parts.request.complete ? Buffer.concat(chunks) : undefined
  }

  #answer(body: Buffer, misdeed: Misdeed | undefined): Answer {
    const { bucket, key, operation } = this.#call
    if (operation === 'buckets') return { status: 200, body: listOfBuckets([...this.#fake.buckets.keys()]) }
    if (operation === 'make') {
      this.#fake.buckets.set(bucket, new Map())
      return { status: 200 }
    }
    const objects = this.#fake.objects(bucket)
    if (operation === 'list') return this.#list(objects)
    if (operation === 'put') return this.#put(objects, body, misdeed)
    if (operation === 'delete') {
      objects.delete(key)
      return { status: 204 }
    }
    const found = objects.get(key)
    if (found !== undefined) return { status: 200, headers: headersOf(found), body: found.bytes }
    if (this.#fake.hidesMissing) return error(403, 'AccessDenied', 'Access Denied')
    return error(404, 'NoSuchKey', 'The specified key does not exist.', { Key: key })
  }

  #put(objects: Map<string, FakeObject>, bytes: Buffer, misdeed: Misdeed | undefined): Answer {
    const { headers, key } = this.#call
    const digest = headers['x-amz-content-sha256'] ?? ''
    if (/^[0-9a-f]{64}$/.test(digest) && digest !== createHash('sha256').update(bytes).digest('hex')) {
      return error(400, 'XAmzContentSHA256Mismatch', 'The provided hash does not match what was computed.')
    }
    // Others may have come first while the body was on its way.
    const refusal = this.#conditionRefusal(misdeed)
    if (refusal !== undefined) return refusal
    const mark = 'x-amz-meta-'
    const own = Object.entries(headers).filter(([name]) => name.startsWith(mark))
    const metadata = Object.fromEntries(own.map(([name, value]) => [name.slice(mark.length), value]))
    const contentType = headers['content-type'] ?? 'binary/octet-stream'
    objects.set(key, { bytes, metadata, contentType, modifiedMs: this.#nowMs() })
    this.#call.stored = true
    return stored
  }

  #list(objects: Map<string, FakeObject>): Answer {
    const { prefix = '', 'start-after': after = '', 'continuation-token': token, 'max-keys': most } = this.#call.query
    const behind = token === undefined ? after : Buffer.from(token, 'hex').toString()
    const keys = [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const isBehind = (key: string) => Buffer.compare(Buffer.from(key), Buffer.from(behind)) > 0
    const all = keys.filter((key) => key.startsWith(prefix) && (behind === '' || isBehind(key)))
    const page = all.slice(0, Math.min(this.#parts.pageSize, Number(most ?? 1000)))
    const contents = page.map((key) => {
      const { bytes, modifiedMs } = objects.get(key)!
      const modified = new Date(modifiedMs).toISOString()
      return `<Contents><Key>${escaped(key)}</Key><LastModified>${modified}</LastModified><Size>${bytes.length}</Size></Contents>`
    })
    const isCut = page.length < all.length
    const next = Buffer.from(page.at(-1) ?? '').toString('hex')
    const rest = isCut ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''
    const text = `<IsTruncated>${isCut}</IsTruncated><KeyCount>${page.length}</KeyCount>${rest}${contents.join('')}`
    return { status: 200, body: xml('ListBucketResult', text) }
  }

  #nowMs(): number {
    return Date.now() + this.#fake.clockMs
  }

  #send({ status, headers = {}, body = '' }: Answer, does?: Misdeed['does']): void {
    const { request, response } = this.#parts
    const bytes = Buffer.from(body)
    const hasBody = this.#call.operation !== 'head'
    this.#call.status = status
    // The rest of a body is in the way of what comes next on the connection.
    if (Number(this.#call.headers['content-length'] ?? 0) < mostDrainedBytes) request.resume()
    else if (!request.complete) response.setHeader('connection', 'close')
    response.writeHead(status, {
      ...(typeof body === 'string' && body !== '' ? { 'content-type': 'application/xml' } : {}),
      ...{ date: new Date(this.#nowMs()).toUTCString(), 'content-length': bytes.length, ...headers },
    })
    if (does !== 'stall-body' && does !== 'cut-body') return void response.end(hasBody ? bytes : undefined)
    response.write(bytes.subarray(0, bytes.length >> 1), () => {
      if (does === 'cut-body') request.socket.destroy()
    })
  }
}

/** What real stores refuse, or some of them, of a body. */
function headerRefusal(headers: Readonly<Record<string, string>>): Answer | undefined {
  const isFramed =
    headers['content-encoding']?.includes('aws-chunked') === true ||
    headers['x-amz-content-sha256']?.startsWith('STREAMING-') === true
  if (isFramed || headers['content-length'] === undefined) {
    return error(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.')
  }
  const name = Object.keys(headers).find((each) => /^x-amz-(checksum-|sdk-checksum|trailer)/.test(each))
  return name === undefined ? undefined : error(400, 'InvalidRequest', `${name} is not known here.`)
}

function signatureOf(headers: Readonly<Record<string, string>>) {
  const [, accessKey = '', region = ''] =
    /Credential=([^/]+)\/\d{8}\/([^/]+)\/s3\//.exec(headers['authorization'] ?? '') ?? []
  const [, year, month, day, ...time] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers['x-amz-date'] ?? '') ?? []
  return { accessKey, region, signedMs: Date.parse(`${year}-${month}-${day}T${time.join(':')}Z`) }
}

function headersOf({ metadata, contentType, modifiedMs }: FakeObject): Record<string, string> {
  const own = Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])
  return {
    ...Object.fromEntries(own),
    ...{ 'content-type': contentType, 'last-modified': new Date(modifiedMs).toUTCString(), etag: '"0"' },
  }
}

function refusalOf(misdeed: Misdeed & { does: 'refuse' }): Answer {
  const { status, code, message = 'As the script says.', retryAfter, headers = {}, inside } = misdeed
  return {
    ...{ status, body: code === undefined ? '' : errorBody(code, message, inside) },
    headers: { ...headers, ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) },
  }
}

function insideOf(code = 'InternalError'): Answer {
  return { status: 200, body: errorBody(code, 'We encountered an internal error. Please try again.') }
}

function error(
  status: number,
  code: string,
  message: string,
  inside: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: errorBody(code, message, inside) }
}

function listOfBuckets(names: readonly string[]): string {
  const entries = names.map((name) => `<Bucket><Name>${escaped(name)}</Name></Bucket>`)
  return xml('ListAllMyBucketsResult', `<Buckets>${entries.join('')}</Buckets>`)
}

function xml(root: string, inside: string): string {
  const space = 'http://s3.amazonaws.com/doc/2006-03-01/'
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${space}">${inside}</${root}>\n`
}
