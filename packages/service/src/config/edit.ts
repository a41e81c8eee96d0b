// Setting a few values of one pipeline in the text of a settings file, everything else left as it stands: comments, order,
// quotes. Finds the places by the YAML document and changes the text there; writes no file. Called by ../commands/tune-settings.ts.

import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Node, Pair, YAMLMap } from 'yaml'

/** A setting of the pipeline itself, and its new value: a number, or text without quotes, as `2MiB`. */
export type PipelineValues = Readonly<Record<string, number | string>>

/** The text after the change, or why it cannot be made here. */
export type EditedText = { readonly text: string } | { readonly problem: string }

type Item = Pair<Node, Node | null>

/** Returns the text with these settings of the pipeline. The text has been read without problems before. */
export function withPipelineValues(text: string, pipeline: string, values: PipelineValues): EditedText {
  let edited = text
  for (const [name, value] of Object.entries(values)) {
    // Found anew each time: places move with every change.
    const map = pipelineMap(edited, pipeline)
    if (typeof map === 'string') return { problem: map }
    edited = withValue(edited, map, name, value)
  }
  return { text: edited }
}

function pipelineMap(text: string, pipeline: string): YAMLMap<Node, Node | null> | string {
  let node: Node | null | undefined = parseDocument(text).contents
  for (const step of ['pipelines', pipeline]) {
    const item: Item | undefined = isMap<Node, Node | null>(node) ? itemOf(node, step) : undefined
    if (item === undefined) return `There is no \`${step}\` in it that could be changed.`
    node = item.value
    // What is written for one pipeline would hold for others too.
    if (isAlias(node)) return `\`${step}\` stands for a part that is written elsewhere (*${node.source}).`
  }
  return isMap<Node, Node | null>(node) && node.items.length > 0 ? node : `The pipeline \`${pipeline}\` is empty.`
}

function itemOf(map: YAMLMap<Node, Node | null>, name: string): Item | undefined {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === name)
}

function withValue(text: string, map: YAMLMap<Node, Node | null>, name: string, value: number | string): string {
  const first = map.items[0]!
  const isQuoted = isScalar(first.key) && first.key.type === 'QUOTE_DOUBLE'
  const written = typeof value === 'string' && isQuoted ? JSON.stringify(value) : String(value)
  const item = itemOf(map, name)
  const keyText = isQuoted ? JSON.stringify(name) : name
  if (item !== undefined) return withScalar(text, item, written)
  if (map.flow === true) return insert(text, endOf(text, map.items.at(-1)!), `, ${keyText}: ${written}`)
  const at = lineEnd(text, endOf(text, map.items.at(-1)!))
  const column = columnOf(text, first.key.range?.[0] ?? 0)
  const line = `${' '.repeat(column)}${keyText}: ${written}`
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n'
  return insert(text, at, text[at - 1] === '\n' ? line + lineBreak : lineBreak + line)
}

/** Exchanges a value where it stands; one that was left out is put behind its colon. */
function withScalar(text: string, { key, value }: Item, written: string): string {
  const [start = 0, end = 0] = value?.range ?? []
  if (end > start) return text.slice(0, start) + written + text.slice(end)
  const colon = text.indexOf(':', key.range?.[1] ?? 0) + 1
  return insert(text, colon, ` ${written}`)
}

/** Returns where the entry's own text ends, a comment behind it not counted. */
function endOf(text: string, { key, value }: Item): number {
  return Math.max(key.range?.[1] ?? 0, endOfNode(text, value))
}

function endOfNode(text: string, node: Node | null): number {
  // What is written over several lines reaches as far as blank lines and comments that belong to what follows.
  if (isMap<Node, Node | null>(node) && node.flow !== true && node.items.length > 0)
    return endOf(text, node.items.at(-1)!)
  if (isSeq<Node>(node) && node.flow !== true && node.items.length > 0) return endOfNode(text, node.items.at(-1)!)
  let end = node?.range?.[1] ?? 0
  while (end > 0 && /\s/.test(text[end - 1]!)) end--
  return end
}

/** Returns where the line ends that holds the place: behind its line feed, if it has one. */
function lineEnd(text: string, at: number): number {
  const feed = text.indexOf('\n', at)
  return feed < 0 ? text.length : feed + 1
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1)
}

function insert(text: string, at: number, inserted: string): string {
  return text.slice(0, at) + inserted + text.slice(at)
}
