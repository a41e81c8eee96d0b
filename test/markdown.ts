// Reads Markdown as the documentation tests need it: code spans, links, headings, tables and fenced blocks, each with
// its line. Not a full parser: no indented code and no HTML, which our documents do not use. Called by docs.test.ts.

/** A piece of a document and the line, from 1, on which it begins. */
export interface Piece {
  readonly text: string
  readonly line: number
}

/** A fenced block: the words behind the fence, and the text within. `line` is that of the fence. */
export interface Block extends Piece {
  readonly info: string
}

/** A document, taken apart. */
export interface Markdown {
  readonly blocks: readonly Block[]
  readonly codeSpans: readonly Piece[]
  /** Targets of links and images, without the text. */
  readonly links: readonly Piece[]
  /** Text of headings, with their number signs. */
  readonly headings: readonly Piece[]
  readonly rows: readonly Row[]
}

/** A row of a table; its head and the rule below the head are rows too. */
export interface Row {
  readonly cells: readonly string[]
  /** What the first cell of the table's head says. */
  readonly table: string
  readonly line: number
}

/** Takes a document apart. */
export function readMarkdown(document: string): Markdown {
  const blocks: Block[] = []
  const codeSpans: Piece[] = []
  const links: Piece[] = []
  const headings: Piece[] = []
  const rows: Row[] = []
  let open: { fence: string; info: string; line: number; lines: string[] } | undefined
  for (const [index, text] of document.split('\n').entries()) {
    const line = index + 1
    const fence = /^\s*(```+|~~~+)(.*)$/.exec(text)
    if (open !== undefined) {
      if (fence?.[1] === open.fence && fence[2]?.trim() === '') {
        blocks.push({ info: open.info, line: open.line, text: open.lines.join('\n') })
        open = undefined
      } else open.lines.push(text)
      continue
    }
    if (fence !== null) {
      open = { fence: fence[1] ?? '', info: (fence[2] ?? '').trim(), line, lines: [] }
      continue
    }
    if (/^#{1,6} /.test(text)) headings.push({ text: text.trim(), line })
    if (/^\s*\|.*\|\s*$/.test(text)) {
      const cells = cellsOf(text)
      const above = rows.at(-1)
      rows.push({ cells, line, table: above?.line === index ? above.table : (cells[0] ?? '') })
    }
    for (const [, span = ''] of text.matchAll(/`([^`]+)`/g)) codeSpans.push({ text: span, line })
    for (const [, target = ''] of text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
      links.push({ text: target, line })
    }
  }
  return { blocks, codeSpans, links, headings, rows }
}

/** A bar within code is written `\|`, as tables demand. */
function cellsOf(row: string): string[] {
  return row
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** The anchor that a heading gets where the document is shown. */
export function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}
