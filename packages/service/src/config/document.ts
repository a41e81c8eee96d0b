// Settings as text, YAML or JSON: the values, and where each of them stands. Knows no setting. Of ours only this file
// and show.ts import the package yaml in the service. Called by load.ts, original.ts and assignments.ts.

import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml'
import type { CST, Document, Node } from 'yaml'

import type { Path } from './outline.ts'
import { isPlainObject } from './outline.ts'

/** Settings longer than this are none: a whole cluster's fit in a thousandth of it. */
const mostLength = 16 << 20

/** Nesting beyond this is no settings. The package recurses, and some nestings end the process before the stack does. */
const mostDepth = 100

/** What is wrong with the text itself. */
export interface TextProblem {
  readonly message: string
  readonly suggestion?: string
  readonly line?: number
  readonly column?: number
}

/** A line and a column, both from 1. */
export interface TextPlace {
  readonly line: number
  readonly column: number
}

/** Settings as they were written. */
export interface SettingsDocument {
  /** Empty where there are problems. Shared where an alias is: not to be changed. */
  readonly value: Readonly<Record<string, unknown>>
  /** In order of place. */
  readonly problems: readonly TextProblem[]
  /** Returns where the value stands, or its key, or what stands above it. */
  locate(path: Path, atKey: boolean): TextPlace | undefined
}

/** Returns what the text holds; an object on top, or there is a problem. Never throws. */
export function readDocument(text: string): SettingsDocument {
  if (text.length > mostLength) return refused([{ message: 'The text is longer than 16 MiB.' }])
  try {
    return parse(text)
  } catch (error) {
    // Lists that nest in each other exhaust the stack of the reader, or aliases of aliases its patience.
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error
    const message = error instanceof RangeError ? 'The text nests too deeply.' : 'Too many aliases of aliases.'
    return refused([{ message, line: 1, column: 1 }])
  }
}

function refused(problems: readonly TextProblem[]): SettingsDocument {
  return { value: {}, problems, locate: () => undefined }
}

function parse(text: string): SettingsDocument {
  const lines = new LineCounter()
  const placeOf = (at: number): TextPlace => {
    const { line, col } = lines.linePos(at)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const composer = new Composer({
    logLevel: 'silent',
    merge: true,
    prettyErrors: false,
    stringKeys: true,
    version: '1.2',
  })
  const [document, second] = composer.compose(shallowTokens(text, lines), true, text.length)
  if (document === undefined) throw new TypeError('The text of settings made no document.')
  if (second !== undefined) {
    const [at] = second.range
    return refused([{ message: 'There is more than one document.', suggestion: 'drop the line `---`', ...placeOf(at) }])
  }
  const problems = [...document.errors, ...document.warnings]
    .toSorted((a, b) => a.pos[0] - b.pos[0])
    .map(({ code, message, pos }) => ({
      ...explain(code, message, text.slice(pos[0] - 40, pos[0])),
      ...placeOf(pos[0]),
    }))
  if (problems.length > 0) return refused(problems)
  const value: unknown = document.toJS({ maxAliasCount: 1000 })
  if (value === null || value === undefined) {
    const suggestion = 'begin with `pipelines:`; `weir config show` prints what holds without settings'
    return refused([{ message: 'There is nothing in it.', suggestion, line: 1, column: 1 }])
  }
  if (!isPlainObject(value)) {
    return refused([{ message: 'Settings are an object, with `pipelines` in it.', line: 1, column: 1 }])
  }
  const locate = (path: Path, atKey: boolean) => placeOf(positionOf(document, path, atKey))
  return { value, problems: [], locate }
}

/** Yields the tokens of the text; throws a RangeError before more of them nest than the package can follow. */
function* shallowTokens(text: string, lines: LineCounter): Generator<CST.Token> {
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > mostDepth) throw new RangeError()
  }
  yield* parser.end()
}

/** Says in our words what the package says of slips that settings invite. */
function explain(code: string, message: string, before: string): TextProblem {
  const first = (message.split('\n', 1)[0] ?? '').trim()
  const sentence = /[.!?]$/.test(first) ? first : `${first}.`
  if (code === 'DUPLICATE_KEY') return { message: 'The same name stands above.', suggestion: 'keep one of the two' }
  if (code === 'TAB_AS_INDENT') return { message: sentence, suggestion: 'indent with spaces' }
  if (code === 'MULTIPLE_DOCS')
    return { message: 'There is more than one document.', suggestion: 'drop the line `---`' }
  if (code === 'TAG_RESOLVE_FAILED') return { message: sentence, suggestion: 'drop the tag' }
  if (/\[[0-9A-Fa-f:.]*\]$/.test(before)) {
    return { message: sentence, suggestion: 'quote an address that begins with a bracket: "[::1]:9880"' }
  }
  return { message: sentence }
}

function positionOf(document: Document.Parsed, path: Path, atKey: boolean): number {
  let node: Node | null | undefined = document.contents
  let at = node?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    let key: Node | undefined
    if (isMap<Node, Node | null>(node)) {
      const index: number = node.items.findIndex((item) => isScalar(item.key) && String(item.key.value) === step)
      if (index < 0) return at
      key = node.items[index]?.key
      node = node.items[index]?.value
    } else if (isSeq<Node>(node) && typeof step === 'number') node = node.items[step]
    else return at
    const isKeyWanted = (atKey && depth === path.length - 1) || node === null || isEmpty(node)
    at = (isKeyWanted ? (key ?? node) : node)?.range?.[0] ?? at
  }
  return at
}

/** A value that was left out begins somewhere behind its key, perhaps on a later line. */
function isEmpty(node: Node | null | undefined): boolean {
  return isScalar(node) && node.type === 'PLAIN' && node.source === ''
}
