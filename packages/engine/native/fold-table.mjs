// Prints src/rules/fold-table.ts: RE2's simple case folding, read from the vendored unicode_casefold.cc. Run it after
// a change of the RE2 sources: `node packages/engine/native/fold-table.mjs > packages/engine/src/rules/fold-table.ts`.
// A test holds the table and the sources equal.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Returns [code point, next of its orbit] pairs as RE2's `ApplyFold` computes them. */
function readOrbitSteps() {
  const folder = dirname(createRequire(import.meta.url).resolve('re2-sources/package.json'))
  const source = readFileSync(join(folder, 'vendor/re2/re2/unicode_casefold.cc'), 'utf8')
  const table = /const CaseFold unicode_casefold\[\] = \{(.*?)\n\};/s.exec(source)[1]
  const next = new Map()
  for (const [, low, high, delta] of table.matchAll(/\{ (\d+), (\d+), (-?\w+) \}/g)) {
    for (let code = Number(low); code <= Number(high); code++) next.set(code, code + stepOf(code, Number(low), delta))
  }
  return next
}

function stepOf(code, low, delta) {
  if (delta === 'EvenOdd') return code % 2 === 0 ? 1 : -1
  if (delta === 'OddEven') return code % 2 === 1 ? 1 : -1
  if (delta === 'EvenOddSkip') return (code - low) % 2 === 1 ? 0 : stepOf(code, low, 'EvenOdd')
  if (delta === 'OddEvenSkip') return (code - low) % 2 === 1 ? 0 : stepOf(code, low, 'OddEven')
  return Number(delta)
}

/** Returns [code point, smallest code point of its orbit] for all whose smallest is another, ascending. */
export function readFoldPairs() {
  const next = readOrbitSteps()
  const pairs = []
  for (const start of next.keys()) {
    let least = start
    let steps = 0
    for (let code = next.get(start); code !== start; code = next.get(code) ?? start) {
      least = Math.min(least, code)
      if (++steps > 8) throw new Error(`the orbit of ${start} does not close`)
    }
    if (least !== start) pairs.push([start, least])
  }
  return pairs.sort((a, b) => a[0] - b[0])
}

/** Joins neighbours into [first, last, step, difference] runs. */
export function foldRuns(pairs) {
  const runs = []
  for (const [code, least] of pairs) {
    const run = runs.at(-1)
    const difference = code - least
    if (run !== undefined && run[3] === difference) {
      const step = code - run[1]
      if (step <= 2 && (run[0] === run[1] || run[2] === step)) {
        run[1] = code
        run[2] = step
        continue
      }
    }
    runs.push([code, code, 1, difference])
  }
  return runs
}

function render(runs) {
  const lines = []
  for (let i = 0; i < runs.length; i += 4) {
    lines.push(
      `  ${runs
        .slice(i, i + 4)
        .map((run) => run.join(', '))
        .join(', ')},`,
    )
  }
  return `// RE2's simple case folding, generated from its unicode_casefold.cc: do not edit. Regenerate with
// \`node packages/engine/native/fold-table.mjs > packages/engine/src/rules/fold-table.ts\`. Read by fold.ts alone.

/**
 * Runs of code points whose folded form is another: first, last, step, and how much smaller the folded form is.
 * The folded form is the smallest code point of those that fold together.
 */
// prettier-ignore
export const foldRuns: readonly number[] = [
${lines.join('\n')}
]
`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(render(foldRuns(readFoldPairs())))
