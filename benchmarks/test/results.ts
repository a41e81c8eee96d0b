// Results as measure() returns them, and the head of a journal, made up for tests.

import type { JournalHead } from '#src/journal.js'
import type { Result, Sample } from '#src/result.js'

/** Returns a result of a case `c` with the parts given; 1 MB and 1,000 records unless said. */
export function makeResult(parts: Partial<Result> & Pick<Result, 'id' | 'model'>): Result {
  return {
    case: 'c',
    label: parts.id,
    threads: 1,
    bytes: 1_000_000,
    records: 1000,
    status: 'measured',
    samples: [],
    ...parts,
  }
}

/** Returns samples, one a round, that took so many seconds. */
export function took(...seconds: number[]): Sample[] {
  return seconds.map((each, round) => ({ round, seconds: each }))
}

/** Returns the head of a journal with the parts given. */
export function journalHead(parts: Partial<JournalHead> = {}): JournalHead {
  return {
    kind: 'head',
    format: 1,
    machine: {
      processor: 'a processor',
      processors: 2,
      memoryBytes: 1e9,
      system: 'Linux 6 x64',
      node: '20.20.2',
      commit: '0123456789abcdef',
      isModified: false,
      tools: { jq: 'jq-1.6' },
    },
    options: { cases: [], only: [], samples: 3, bytes: 1e6, inProcessBytes: 1e6, isQuick: false, seed: 1 },
    ...parts,
  }
}
