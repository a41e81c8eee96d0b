// The curve as text and as an image: that each setting is where its figures are, and nothing hides or breaks anything.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { chartLines, markOf } from '#src/commands/tune-chart.js'
import { chartSvg } from '#src/commands/tune-svg.js'
import type { Figures } from '#src/tuning/choice.js'

const mib = 1 << 20

function figures(threads: number, batchBytes: number, speed: number): Figures {
  const interval = (middle: number) => ({ middle, low: 0.9 * middle, high: 1.1 * middle, samples: 5 })
  return {
    point: { threads, batchBytes, validation: 'kept' },
    speed: interval(speed),
    p99Ms: interval(3),
    expectedBytes: 1e8,
  }
}

const curve = [
  figures(1, mib, 1e9),
  figures(1, 2 * mib, 1.1e9),
  figures(2, mib, 1e9),
  figures(2, 2 * mib, 2e9),
  figures(16, mib, 0.01e9),
]
const isChosen = (each: Figures) => each === curve[3]

test('every setting has its mark, settings of one speed side by side, the fastest at the top with a star', () => {
  const lines = chartLines(curve, { columns: 80, isChosen })
  assert.match(lines[0]!, /2\.00 GB\/s \| +2\*$/)
  const marks = lines
    .slice(0, 12)
    .join('')
    .replace(/^.*?\|/gm, '')
  for (const [mark, count] of [
    ['1', 2],
    ['2', 2],
    ['c', 1],
  ] as const) {
    const found = lines
      .slice(0, 12)
      .reduce((sum, line) => sum + line.slice(line.indexOf('|')).split(mark).length - 1, 0)
    assert.equal(found, count, `${mark} in\n${marks}`)
  }
  assert.match(lines[11]!, /\| +c/)
  assert.match(lines.at(-2)!, /1MiB +2MiB/)
  assert.match(lines.at(-1)!, /1 = 1 thread, 2 = 2 threads, c = 16 threads/)
})

test('a chart is as wide as it is told, within reason, and in ASCII', () => {
  const widths = [20, 60, 80, 200].map((columns) => {
    const plot = chartLines(curve, { columns, isChosen }).slice(0, -1)
    assert.ok(plot.every((line) => /^[ -~]*$/.test(line)))
    return Math.max(...plot.map((line) => line.length))
  })
  assert.ok(widths[0]! < widths[1]! && widths[1]! <= 60 && widths[2]! <= 80 && widths[3]! <= 80, widths.join(' '))
  assert.deepEqual(chartLines([], { columns: 80, isChosen }), [])
})

test('numbers of threads below ten are their own mark', () => {
  assert.deepEqual([markOf(1, 0), markOf(9, 3), markOf(16, 4)], ['1', '9', 'e'])
})

test('the image is well-formed, has every setting and the chosen one ringed, and takes any name', () => {
  const svg = chartSvg(curve, { title: 'a <b> & "c"\u0007', isChosen })
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  assert.match(svg, /a &lt;b&gt; &amp; "c"\ufffd/)
  assert.equal(svg.match(/<circle [^>]*r="4"/g)?.length, curve.length)
  assert.equal(svg.match(/<title>recommended<\/title>/g)?.length, 1)
  assert.equal(svg.match(/<polyline/g)?.length, 3)
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
  const open = [...svg.matchAll(/<([a-z]+)[^>]*?(\/?)>/g)]
    .filter(([, , closed]) => closed === '')
    .map(([, name]) => name)
  const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map(([, name]) => name)
  assert.deepEqual(new Set(open), new Set(closed))
  assert.equal(open.length, closed.length)
})

test('an image of one setting, measured once, is one too', () => {
  const one = { ...curve[0]!, speed: { middle: 1e9, low: 0, high: Number.POSITIVE_INFINITY, samples: 1 } }
  assert.doesNotMatch(chartSvg([one], { title: 't', isChosen: () => true }), /NaN|Infinity/)
})
