// The report: charts that say what they show, a page and a README that are what the committed results make of them.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#src/errors.js'
import { drawChart } from '#src/report/chart.js'
import type { Chart } from '#src/report/chart.js'
import { pageName, renderReport } from '#src/report/page.js'
import { latestServiceRun } from '#src/report/service-run.js'
import { describeRun, marks, renderSummary, replaceMarked } from '#src/report/summary.js'
import { readResultFile } from '#src/result-file.js'
import type { ResultFile } from '#src/result-file.js'
import type { Result } from '#src/result.js'
import { journalHead, makeResult, took } from './results.ts'

const results = fileURLToPath(new URL('../results', import.meta.url))
const summary = (median: number, least = median, most = median) => ({ median, least, most, count: 3 })

const chart: Chart = {
  title: 'A <chart> & more',
  axis: 'MB/s, more is better.',
  groups: [
    {
      name: 'a case',
      bars: [
        { label: 'Weir', kind: 'weir', value: summary(1000, 500, 2000) },
        { label: 'jq', kind: 'other', value: summary(10) },
        { label: 'counting', kind: 'ceiling', value: summary(9000) },
      ],
    },
  ],
}

/** The numbers of an attribute of all elements of a kind. */
function attributes(svg: string, element: string, name: string): number[] {
  return Array.from(svg.matchAll(new RegExp(`<${element}[^>]* ${name}="([\\d.]+)"`, 'g')), ([, value]) => Number(value))
}

test('a chart tells those who do not see it what it shows', () => {
  const svg = drawChart(chart)
  assert.match(svg, /role="img" aria-labelledby="title description"/)
  assert.match(svg, /<title id="title">A &lt;chart&gt; &amp; more<\/title>/)
  assert.match(
    svg,
    /<desc id="description">MB\/s, more is better\. a case: Weir 1,000, jq 10\.0, counting 9,000\.<\/desc>/,
  )
})

test('bars stand on a logarithmic axis from the power of ten below to the one above', () => {
  const svg = drawChart(chart)
  const [ground, weir, jq] = attributes(svg, 'rect', 'width')
  assert.ok(ground! > weir!)
  // From 1 to 10,000: three of four powers of ten, and one of four.
  assert.ok(Math.abs(weir! / jq! - 3) < 0.01)
  assert.equal(attributes(svg, 'line', 'x1').length, 5)
  for (const tick of ['1', '10', '100', '1,000', '10,000']) assert.ok(svg.includes(`>${tick}</text>`), tick)
})

test('a chart has colours for light and for dark ground, and needs nothing from elsewhere', () => {
  const svg = drawChart(chart)
  assert.match(svg, /@media \(prefers-color-scheme:dark\)/)
  // Programs that draw SVG do not all know variables; an image may load nothing.
  assert.doesNotMatch(svg, /var\(|<script|href=|url\(/)
})

test('every element of a chart is closed', () => {
  const svg = drawChart(chart)
  const open: string[] = []
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close === '/') assert.equal(open.pop(), name)
    else if (self !== '/') open.push(name!)
  }
  assert.deepEqual(open, [])
})

test('a chart without a bar is refused', () => {
  assert.throws(() => drawChart({ ...chart, groups: [] }), RangeError)
})

function fileOf(results: readonly Result[]): ResultFile {
  const { machine, options } = journalHead()
  const moment = { at: '2026-01-01T00:00:00.000Z', load: [0, 0, 0] }
  return {
    format: 2,
    started: moment,
    ended: moment,
    machine: { ...machine, packages: { re2: '1.24.0' }, instructions: ['avx2'] },
    options: { ...options },
    results,
    calibrations: [{ case: 'one-rule', how: 'two loops', samples: [{ round: 0, one: 10e6, two: 18e6 }] }],
    targets: [],
  }
}

test('the summary has a row for each case, and only columns in which something was measured', () => {
  const native = (name: string, seconds: number): Result =>
    makeResult({ case: name, id: 'native', model: 'kernel', samples: took(seconds) })
  const lines = renderSummary(
    fileOf([
      native('one-rule', 0.001),
      makeResult({ case: 'one-rule', id: 'plain-cpp', model: 'kernel', samples: took(0.002) }),
      native('nested', 0.004),
      makeResult({ case: 'idle', id: 'native', model: 'kernel', status: 'skipped', reason: 'no binary' }),
    ]),
  ).split('\n')
  assert.deepEqual(lines, [
    '| case     | kernel MB/s | ÷ plain C++ |',
    '| -------- | ----------: | ----------: |',
    '| one-rule |       1,000 |        2.00 |',
    '| nested   |         250 |           – |',
  ])
})

test('the page has each model, its chart, who took part, and what it was taken with', () => {
  const file = fileOf([
    makeResult({
      case: 'one-rule',
      id: 'compile',
      model: 'compile',
      label: 'Weir, text',
      rules: 1,
      samples: took(0.001),
    }),
    makeResult({ case: 'one-rule', id: 'native', model: 'kernel', label: 'Weir', samples: took(0.001) }),
    makeResult({ case: 'one-rule', id: 'jq', model: 'command', status: 'skipped', reason: 'jq is not on PATH' }),
  ])
  const files = renderReport('run.json', file, undefined)
  assert.deepEqual([...files.keys()], ['comparison-compile.svg', 'comparison-kernel.svg', pageName])
  const page = files.get(pageName)!
  assert.match(page, /\[run\.json\]\(run\.json\)/)
  assert.match(page, /!\[Compiling a rule set\]\(comparison-compile\.svg\)/)
  assert.match(page, /\| command \| jq +\| +\| one-rule: skipped: jq is not on PATH \|/)
  assert.match(page, /two loops do 1\.80 × the work of one/)
  assert.match(page, /\| npm re2 +\| 1\.24\.0 /)
  assert.match(page, /instructions of the processor \| avx2/)
})

test('what is generated replaces what stands between the marks, and nothing else', () => {
  const text = `before\n${marks.from}\n\nold\n\n${marks.to}\nbehind\n`
  assert.equal(replaceMarked(text, 'new', 'F'), `before\n${marks.from}\n\nnew\n\n${marks.to}\nbehind\n`)
  for (const wrong of ['', marks.from, `${marks.to}\n${marks.from}`]) {
    assert.throws(
      () => replaceMarked(wrong, 'new', 'F'),
      (error: unknown) => error instanceof UsageError && error.message.startsWith('F needs'),
    )
  }
})

test('the committed page, charts and table of the README are what the report makes of the committed results', () => {
  const page = readFileSync(join(results, pageName), 'utf8')
  const [, name] = /The file is \[([^\]]+)\]/.exec(page) ?? []
  assert.ok(name !== undefined && existsSync(join(results, name)), 'the page names its result file')
  const file = readResultFile(join(results, name))
  const files = renderReport(name, file, latestServiceRun(results))
  const committed = readdirSync(results).filter((each) => each.startsWith('comparison'))
  assert.deepEqual([...files.keys()].toSorted(), committed.toSorted())
  for (const [each, text] of files) {
    assert.equal(readFileSync(join(results, each), 'utf8'), text, `${each}: npm run bench:report`)
  }
  const readme = readFileSync(join(results, '..', '..', 'README.md'), 'utf8')
  const generated = `${describeRun(file)}\n\n${renderSummary(file)}`
  assert.equal(replaceMarked(readme, generated, 'README.md'), readme, 'README.md: npm run bench:report')
})
