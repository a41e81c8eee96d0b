// Kafka's protocol as far as the tests need it: where a frame ends, and what the head of a request says. Bodies stay bytes.
// Called by asking.ts and proxy.ts.

/** Numbers of the calls that clients of records, groups and transactions make. */
export const apiKeys = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  DeleteRecords: 21,
  InitProducerId: 22,
  OffsetForLeaderEpoch: 23,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
  DescribeConfigs: 32,
  AlterConfigs: 33,
  SaslAuthenticate: 36,
  CreatePartitions: 37,
} as const

/** The name of a call. */
export type ApiName = keyof typeof apiKeys

const names = new Map(Object.entries(apiKeys).map(([name, key]) => [key as number, name as ApiName]))

/** What the head of a request says. */
export interface RequestHead {
  /** Undefined for a call that is not in the table. */
  readonly api: ApiName | undefined
  readonly key: number
  readonly version: number
  readonly correlationId: number
}

const lengthBytes = 4
const headBytes = lengthBytes + 8

/** Reads the head of a whole frame; undefined where it is too short to be a request. */
export function requestHead(frame: Buffer): RequestHead | undefined {
  if (frame.length < headBytes) return undefined
  const key = frame.readInt16BE(4)
  return { api: names.get(key), key, version: frame.readInt16BE(6), correlationId: frame.readInt32BE(8) }
}

/** The number of the request that a whole frame answers. */
export function answeredId(frame: Buffer): number | undefined {
  return frame.length < lengthBytes + 4 ? undefined : frame.readInt32BE(4)
}

/** More than any broker takes; TLS, read as frames, begins with more. */
const mostFrameBytes = 256 << 20

/** Cuts a stream of bytes into frames, each with its length before it. *Errors*: where they cannot be frames. */
export class FrameSplitter {
  private chunks: Buffer[] = []
  private held = 0

  /** Takes bytes and returns the frames that they complete. */
  push(chunk: Buffer): Buffer[] {
    this.chunks.push(chunk)
    this.held += chunk.length
    const frames: Buffer[] = []
    for (let length = this.nextLength(); length !== undefined && this.held >= length; length = this.nextLength()) {
      const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
      frames.push(all.subarray(0, length))
      this.chunks = [all.subarray(length)]
      this.held -= length
    }
    return frames
  }

  private nextLength(): number | undefined {
    if (this.held < lengthBytes) return undefined
    if (this.chunks[0]!.length < lengthBytes) this.chunks = [Buffer.concat(this.chunks)]
    const length = this.chunks[0]!.readInt32BE(0)
    if (length < 0 || length > mostFrameBytes) throw new Error(`These are not Kafka's frames: a length of ${length}.`)
    return lengthBytes + length
  }
}
