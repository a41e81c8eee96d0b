// The curve as an SVG image: speed over batch size, a line for each number of threads with its intervals. Stands alone:
// no scripts, no fonts, nothing from elsewhere. Called by tune.ts.

import { formatSize } from '../config/quantities.ts'
import type { Figures } from '../tuning/choice.ts'
import { formatBytes } from './progress.ts'

const width = 720
const height = 420
const plot = { left: 80, right: 560, top: 50, bottom: 360 } as const
/** Told apart by most people who see few colours. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'] as const

/** Returns the image. `figures`: at least one. `isChosen` is ringed. */
export function chartSvg(
  figures: readonly Figures[],
  { title, isChosen }: { readonly title: string; readonly isChosen: (figures: Figures) => boolean },
): string {
  const scale = scaleOf(figures)
  const series = seriesOf(figures)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${plot.left}" y="28" font-size="15">${escape(title)}</text>`,
    ...axes(figures, scale),
    ...series.flatMap(([name, points], i) => line(name, points, i, scale)),
    ...figures.filter((each) => isChosen(each)).map((each) => ring(each, scale)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

interface Scale {
  readonly x: (batchBytes: number) => number
  readonly y: (bytesPerSecond: number) => number
  readonly top: number
}

function scaleOf(figures: readonly Figures[]): Scale {
  const logs = figures.map(({ point }) => Math.log2(point.batchBytes))
  const [least, most] = [Math.min(...logs), Math.max(...logs)]
  const top = 1.1 * Math.max(...figures.map(({ speed }) => speed.middle))
  // A single batch size stands in the middle.
  const share = (log: number) => (most === least ? 0.5 : (log - least) / (most - least))
  return {
    x: (batchBytes) => plot.left + 20 + share(Math.log2(batchBytes)) * (plot.right - plot.left - 40),
    y: (speed) => plot.bottom - (Math.min(speed, top) / top) * (plot.bottom - plot.top),
    top,
  }
}

/** Settings that make one line: of one number of threads and one validation mode. */
function seriesOf(figures: readonly Figures[]): [string, Figures[]][] {
  const modes = new Set(figures.map(({ point }) => point.validation))
  const series = new Map<string, Figures[]>()
  for (const each of figures) {
    const { threads, validation } = each.point
    const name = `${threads} ${threads === 1 ? 'thread' : 'threads'}${modes.size > 1 ? `, ${validation}` : ''}`
    series.set(name, [...(series.get(name) ?? []), each])
  }
  return [...series].map(([name, points]) => [name, points.toSorted((a, b) => a.point.batchBytes - b.point.batchBytes)])
}

function axes(figures: readonly Figures[], { x, y, top }: Scale): string[] {
  const batches = [...new Set(figures.map(({ point }) => point.batchBytes))]
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top)
  return [
    ...steps.map((speed) => {
      const at = round(y(speed))
      const label = `<text x="${plot.left - 8}" y="${at + 4}" text-anchor="end">${formatBytes(speed)}/s</text>`
      return `<line x1="${plot.left}" y1="${at}" x2="${plot.right}" y2="${at}" stroke="#dddddd"/>${label}`
    }),
    ...batches.map(
      (bytes) =>
        `<text x="${round(x(bytes))}" y="${plot.bottom + 20}" text-anchor="middle">${formatSize(bytes)}</text>`,
    ),
    `<text x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 44}" text-anchor="middle">bytes of a batch</text>`,
  ]
}

function line(name: string, points: readonly Figures[], index: number, { x, y }: Scale): string[] {
  const colour = colours[index % colours.length]!
  const at = (each: Figures) => `${round(x(each.point.batchBytes))},${round(y(each.speed.middle))}`
  return [
    `<polyline points="${points.map(at).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map((each) => {
      const [left, low, high] = [x(each.point.batchBytes), y(each.speed.low), y(each.speed.high)].map(round)
      const [centre, middle] = [round(x(each.point.batchBytes)), round(y(each.speed.middle))]
      const bar = `<line x1="${left}" y1="${low}" x2="${left}" y2="${high}" stroke="${colour}" opacity="0.5"/>`
      return `${bar}<circle cx="${centre}" cy="${middle}" r="4" fill="${colour}"/>`
    }),
    `<text x="${plot.right + 16}" y="${plot.top + 20 + 20 * index}" fill="${colour}">${escape(name)}</text>`,
  ]
}

function ring({ point, speed }: Figures, { x, y }: Scale): string {
  return `<circle cx="${round(x(point.batchBytes))}" cy="${round(y(speed.middle))}" r="8" fill="none" stroke="#000000" stroke-width="1.5"><title>recommended</title></circle>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}
