// The contract of a peer: another program that filters records, told to do so in its own language. Types only. Peers stand
// beside it, list.ts names them, contenders.ts makes contenders of them.

import type { BenchmarkCase } from '../cases.ts'
import type { Found, Tool } from '../tools/tool.ts'

/** One process of a peer at work. */
export interface PeerRun {
  readonly found: Found
  readonly input: string
  /** Where the kept records go. When the command starts, the file is there, and empty. */
  readonly output: string
  /** Folder of this process alone, for whatever it reads and writes besides. It exists. */
  readonly folder: string
  readonly threads: number
}

/** A program that filters records. */
export interface Peer {
  /** What `--only` names it; with `-2` behind it on two cores. */
  readonly id: string
  readonly label: string
  readonly tool: Tool
  /** Uses threads of its own; otherwise two processes, each on half of the records, are what two cores can do for it. */
  readonly hasThreads: boolean
  /** Writes records anew, so that they are compared as parsed JSON. */
  readonly rewrites: boolean
  /** Its threads do not keep the order of records, so that with several of them any order is right. Default: they do. */
  readonly reorders?: boolean
  /** Returns what tells it to do the case. Errors: Inexpressible. */
  readonly translate: (benchmarkCase: BenchmarkCase) => string
  /**
   * Returns the command line for `sh`, `$TIME` before the program. Writes what the program is to read, such as the
   * translation, into the folder of the run.
   */
  readonly command: (translation: string, run: PeerRun) => string
}
