// Draws a chart of bars with whiskers on a logarithmic axis, as SVG that stands by itself: no script, no font of its own,
// readable on light and on dark ground, with a title and a description for those who do not see it. Pure: numbers in,
// text out. Called by page.ts.

import type { Summary } from '../statistics.ts'
import { digits } from '../table.ts'

/** What a bar stands for: ours, somebody else's, or a ceiling that does less than the work. */
export type BarKind = 'weir' | 'other' | 'ceiling'

/** One bar: its length is the median, its whisker goes from the least to the most. */
export interface Bar {
  readonly label: string
  readonly kind: BarKind
  readonly value: Summary
}

/** Bars that are compared with each other. */
export interface BarGroup {
  readonly name: string
  readonly bars: readonly Bar[]
}

/** A chart. */
export interface Chart {
  readonly title: string
  /** What the axis measures, with the unit, and which way is better. */
  readonly axis: string
  readonly groups: readonly BarGroup[]
}

const layout = { width: 900, value: 90, character: 7.2, row: 18, bar: 11, group: 30, top: 62, bottom: 40, margin: 16 }

interface Colours {
  readonly ground: string
  readonly ink: string
  readonly soft: string
  readonly grid: string
  readonly weir: string
  readonly other: string
}

const light: Colours = {
  ground: '#ffffff',
  ink: '#1f2328',
  soft: '#59636e',
  grid: '#d8dee4',
  weir: '#0b66c3',
  other: '#9aa4af',
}
const dark: Colours = {
  ground: '#0d1117',
  ink: '#e6edf3',
  soft: '#9198a1',
  grid: '#30363d',
  weir: '#4c9ffe',
  other: '#6e7681',
}

/** Written out twice, and not as variables, which some programs that draw SVG do not know. */
const colourRules = ({ ground, ink, soft, grid, weir, other }: Colours): string =>
  [
    `text{fill:${ink}} .soft{fill:${soft}} .ground{fill:${ground}}`,
    `.grid{stroke:${grid}} .whisker{stroke:${ink};fill:none}`,
    `.weir{fill:${weir}} .other{fill:${other}} .ceiling{fill:${ground};stroke:${other};stroke-dasharray:3 2}`,
  ].join(' ')

const style = [
  'text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}',
  '.title{font-size:16px;font-weight:600} .group,.ours{font-weight:600}',
  colourRules(light),
  `@media (prefers-color-scheme:dark){${colourRules(dark)}}`,
].join('\n')

/** Returns the chart as SVG; bars of a group in the order that they have. Errors: RangeError where it has no bar. */
export function drawChart(chart: Chart): string {
  const axis = axisOf(chart.groups.flatMap(({ bars }) => bars.map(({ value }) => value)))
  const { width, character, value, row, group, top, bottom, margin } = layout
  const longest = Math.max(...chart.groups.flatMap(({ bars }) => bars.map(({ label }) => label.length)))
  const left = margin + Math.ceil(longest * character)
  const x = (number: number): number => round(left + axis.share(number) * (width - left - value))
  const parts: string[] = []
  let y = top
  for (const { name, bars } of chart.groups) {
    parts.push(text(margin, y + row, name, 'group'))
    y += group
    for (const bar of bars) {
      parts.push(drawBar(bar, x, y))
      y += row
    }
  }
  const height = y + bottom
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escape(chart.title)}</title>`,
    `<desc id="description">${escape(describe(chart))}</desc>`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    text(margin, 28, chart.title, 'title'),
    text(margin, 47, chart.axis, 'soft'),
    ...axis.ticks.map((tick) => drawTick(x(tick), tick, y)),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function drawTick(x: number, tick: number, bottom: number): string {
  const line = `<line class="grid" x1="${x}" x2="${x}" y1="${layout.top}" y2="${bottom + 6}"/>`
  return `${line}\n${text(x, bottom + 22, digitsOfTick(tick), 'soft', 'middle')}`
}

function drawBar({ label, kind, value }: Bar, x: (number: number) => number, y: number): string {
  const { bar, row } = layout
  const [start, middle] = [x(0), y + row / 2]
  const [least, most] = [x(value.least), x(value.most)]
  const shape = `<rect class="${kind}" x="${start}" y="${middle - bar / 2}" width="${round(x(value.median) - start)}" height="${bar}"/>`
  const whisker = `<path class="whisker" d="M${least} ${middle - 3}v6M${least} ${middle}H${most}M${most} ${middle - 3}v6"/>`
  return [
    text(start - 8, middle + 4, label, kind === 'weir' ? 'ours' : 'plain', 'end'),
    shape,
    ...(value.count > 1 ? [whisker] : []),
    text(Math.max(most, x(value.median)) + 8, middle + 4, digits(value.median), kind === 'weir' ? 'ours' : 'plain'),
  ].join('\n')
}

interface Axis {
  readonly ticks: readonly number[]
  /** Where a number stands between the start, 0, and the end, 1. */
  readonly share: (number: number) => number
}

/** From the power of ten below the least to the one above the most. */
function axisOf(values: readonly Summary[]): Axis {
  if (values.length === 0) throw new RangeError('a chart needs a bar')
  const from = Math.floor(Math.log10(Math.min(...values.map(({ least }) => least))) - 1e-9)
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values.map(({ most }) => most)))))
  return {
    ticks: Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)),
    share: (number) => (number <= 0 ? 0 : (Math.log10(number) - from) / (to - from)),
  }
}

function describe({ axis, groups }: Chart): string {
  const lines = groups.map(
    ({ name, bars }) => `${name}: ${bars.map(({ label, value }) => `${label} ${digits(value.median)}`).join(', ')}.`,
  )
  return `${axis} ${lines.join(' ')}`
}

function text(x: number, y: number, content: string, kind: string, anchor = 'start'): string {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`
}

function digitsOfTick(tick: number): string {
  return tick >= 1 ? digits(tick).replace(/\.0+$/, '') : String(Number(tick.toPrecision(1)))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
