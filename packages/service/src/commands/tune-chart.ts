// The curve as text: speed over batch size, a mark for each number of threads. As wide as it is told, in plain ASCII, so
// that it can also be read in a file or a mail. Called by tune-report.ts.

import type { Figures } from '../tuning/choice.ts'
import { formatSize } from '../config/quantities.ts'
import { formatBytes } from './progress.ts'

const rows = 12
/** Room for a label such as `12.5 GB/s` and the axis. */
const axisWidth = 11
const leastGroup = 7
const mostGroup = 16

/** Returns the mark for a number of threads: its digit, or a letter by its place among the others. */
export function markOf(threads: number, index: number): string {
  return threads < 10 ? String(threads) : String.fromCharCode(97 + (index % 26))
}

/**
 * Returns the lines of the chart for settings of one validation mode; none for no settings. `isChosen` has a star behind
 * its mark.
 */
export function chartLines(
  figures: readonly Figures[],
  { columns, isChosen }: { readonly columns: number; readonly isChosen: (figures: Figures) => boolean },
): string[] {
  if (figures.length === 0) return []
  const batches = [...new Set(figures.map(({ point }) => point.batchBytes))].toSorted((a, b) => a - b)
  const threads = [...new Set(figures.map(({ point }) => point.threads))].toSorted((a, b) => a - b)
  const group = Math.min(mostGroup, Math.max(leastGroup, Math.floor((columns - axisWidth - 1) / batches.length)))
  const top = Math.max(...figures.map(({ speed }) => speed.middle))
  const grid = Array.from({ length: rows }, () => new Array<string>(group * batches.length).fill(' '))
  for (const each of figures) {
    const row = rows - Math.max(1, Math.ceil((each.speed.middle / top) * rows))
    const index = threads.indexOf(each.point.threads)
    // Numbers of threads lie side by side, so that none hides another.
    const within = Math.floor(((index + 0.5) / threads.length) * (group - 2))
    const column = batches.indexOf(each.point.batchBytes) * group + within
    put(grid[row]!, column, `${markOf(each.point.threads, index)}${isChosen(each) ? '*' : ''}`)
  }
  const labels = batches.map((bytes) => center(formatSize(bytes), group)).join('')
  return [
    ...grid.map((cells, row) => `${axisLabel(row, top)}|${cells.join('')}`.trimEnd()),
    `${' '.repeat(axisWidth - 1)}+${'-'.repeat(group * batches.length)}`,
    `${' '.repeat(axisWidth)}${labels}`.trimEnd(),
    `${' '.repeat(axisWidth)}bytes of a batch; marks: ${threads.map((each, i) => legend(each, i)).join(', ')}`,
  ]
}

function legend(threads: number, index: number): string {
  return `${markOf(threads, index)} = ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

/** Every fourth line has its speed: that of its upper edge. */
function axisLabel(row: number, top: number): string {
  const label = row % 4 === 0 ? `${formatBytes((top * (rows - row)) / rows)}/s` : ''
  return `${label.padStart(axisWidth - 2)} `
}

function put(cells: string[], column: number, text: string): void {
  for (const [i, character] of [...text].entries()) cells[column + i] = character
}

function center(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length) / 2))
  return `${' '.repeat(left)}${text}`.padEnd(width)
}
