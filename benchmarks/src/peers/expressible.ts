// Which case each peer can express, and why it cannot: asked of the translations, so that a table cannot differ from what
// is measured. Nothing is run, and no peer need be installed.

import type { BenchmarkCase } from '../cases.ts'
import { peers } from './list.ts'
import { Inexpressible } from './translation.ts'

/** What the peers can express. */
export interface Expressible {
  readonly cases: readonly string[]
  /** For each peer, in the order of `cases`: undefined where it can, else what it cannot express. */
  readonly peers: readonly { readonly label: string; readonly faults: readonly (string | undefined)[] }[]
}

/** Returns which of the cases each peer can express. */
export function expressible(cases: readonly BenchmarkCase[]): Expressible {
  const rows = peers.map(({ label, translate }) => ({ label, faults: cases.map((each) => faultOf(each, translate)) }))
  return { cases: cases.map(({ name }) => name), peers: rows }
}

function faultOf(
  benchmarkCase: BenchmarkCase,
  translate: (benchmarkCase: BenchmarkCase) => string,
): string | undefined {
  try {
    translate(benchmarkCase)
    return undefined
  } catch (error) {
    if (error instanceof Inexpressible) return error.message
    throw error
  }
}

/** Returns the table in Markdown: a row for each case, since there are more cases than peers. */
export function renderExpressible({ cases, peers: rows }: Expressible): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const head = ['case', ...rows.map(({ label }) => label)]
  const body = cases.map((name, i) => [`\`${name}\``, ...rows.map(({ faults }) => faults[i] ?? 'yes')])
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}
