// Small charts over the same time, as one SVG image: lines or dots, a limit where there is one. Stands alone: no scripts, no
// fonts, nothing from elsewhere. The service draws a chart of its own, and exports nothing. Called by report.ts.

/** What is drawn of one thing. */
export interface Series {
  readonly name: string
  /** Minutes, and values. */
  readonly points: readonly (readonly [minutes: number, value: number])[]
}

/** One chart. */
export interface Chart {
  readonly title: string
  /** Of the values, as it stands behind a number. */
  readonly unit: string
  readonly series: readonly Series[]
  readonly areDots?: boolean
  /** A line across, with its name; values stay below it where all is well. */
  readonly limit?: number
}

const columns = 2
const cell = { width: 520, height: 230 } as const
const plot = { left: 70, right: 500, top: 50, bottom: 200 } as const
const headHeight = 40
const steps = 4
/** Told apart by most people who see few colours. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const

/** Returns the image. */
export function chartsSvg(title: string, charts: readonly Chart[]): string {
  const minutes = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([at]) => at)))
  const most = Math.ceil(largest(minutes)) || 1
  const width = columns * cell.width
  const height = headHeight + Math.ceil(charts.length / columns) * cell.height
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="20" y="26" font-size="15">${escape(title)}</text>`,
    ...charts.flatMap((chart, i) => {
      const [x, y] = [(i % columns) * cell.width, headHeight + Math.floor(i / columns) * cell.height]
      return [`<g transform="translate(${x} ${y})">`, ...drawn(chart, most), '</g>']
    }),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function drawn({ title, unit, series, areDots = false, limit }: Chart, mostMinutes: number): string[] {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value))
  const top = niceTop(Math.max(largest(values), limit ?? 0))
  const x = (minutes: number): number => round(plot.left + (minutes / mostMinutes) * (plot.right - plot.left))
  // What is below nothing, as an object that was full before its minute ended, stands on the axis.
  const y = (value: number): number => round(plot.bottom - (Math.max(0, value) / top) * (plot.bottom - plot.top))
  const grid = Array.from({ length: steps + 1 }, (_, i) => {
    const value = (i * top) / steps
    const line = `<line x1="${plot.left}" y1="${y(value)}" x2="${plot.right}" y2="${y(value)}" stroke="#dddddd"/>`
    return `${line}<text x="${plot.left - 6}" y="${y(value) + 4}" text-anchor="end">${label(value)}</text>`
  })
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = x(share * mostMinutes)
    return `<text x="${at}" y="${plot.bottom + 16}" text-anchor="middle">${label(share * mostMinutes)} min</text>`
  })
  const bound =
    limit === undefined
      ? []
      : [`<line x1="${plot.left}" y1="${y(limit)}" x2="${plot.right}" y2="${y(limit)}" stroke="#000000" stroke-dasharray="4 3"/>`] // prettier-ignore
  const marks = series.map(({ points }, i) => {
    const colour = colours[i % colours.length]!
    if (areDots) return points.map(([at, value]) => `<circle cx="${x(at)}" cy="${y(value)}" r="2" fill="${colour}" opacity="0.6"/>`).join('') // prettier-ignore
    const path = points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.3"/>`
  })
  const names = series.map(({ name }, i) => {
    const at = plot.left + i * 110
    return `<text x="${at}" y="${plot.top - 8}" fill="${colours[i % colours.length]!}">${escape(name)}</text>`
  })
  const heading = `<text x="${plot.left}" y="${plot.top - 26}" font-size="13">${escape(`${title}, ${unit}`)}</text>`
  return [heading, ...(series.length > 1 ? names : []), ...grid, ...times, ...bound, ...marks]
}

/** Returns the least of 1, 2, 4, 5, 8 and 10 times a power of ten that is not below the value; 1 for nothing. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 5, 8].find((factor) => factor * power >= value) ?? 10)
}

/** Math.max takes as many arguments as the stack has room for; here may be more. */
function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}

function label(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)}M`
  if (value >= 10_000) return `${round(value / 1000)}k`
  return String(Math.round(value * 100) / 100)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
