// Prints src/rules/unicode-groups.ts: which \p classes RE2 knows, and the code points of those that re2js, built on
// another version of Unicode, reads differently. Run it after a change of either:
// `node packages/engine/native/unicode-groups.mjs > packages/engine/src/rules/unicode-groups.ts`.
// A test holds the table and the sources equal.

import { RE2JS } from 're2js'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Returns the ranges [low, high] of every group in the vendored unicode_groups.cc, by name. */
export function readGroups() {
  const folder = dirname(createRequire(import.meta.url).resolve('re2-sources/package.json'))
  const source = readFileSync(join(folder, 'vendor/re2/re2/unicode_groups.cc'), 'utf8')
  const arrays = new Map()
  for (const [, name, body] of source.matchAll(/static const URange(?:16|32) (\w+)\[\] = \{(.*?)\n\};/gs)) {
    arrays.set(
      name,
      [...body.matchAll(/\{ (\d+), (\d+) \}/g)].map((range) => [Number(range[1]), Number(range[2])]),
    )
  }
  const groups = new Map()
  for (const [, name, narrow, wide] of source.matchAll(/\{ "(\w+)", [+-]1, (\w+), \d+, (\w+), \d+ \}/g)) {
    groups.set(name, joined([...(arrays.get(narrow) ?? []), ...(arrays.get(wide) ?? [])]))
  }
  return groups
}

function joined(ranges) {
  const out = []
  for (const [low, high] of ranges) {
    if (out.length > 0 && out.at(-1)[1] + 1 === low) out.at(-1)[1] = high
    else out.push([low, high])
  }
  return out
}

/** Returns the ranges that re2js reads a class as. Looks into its program, which no other code of ours does. */
export function rangesOfRe2js(name) {
  const program = RE2JS.compile(`\\p{${name}}`).re2Input.prog
  const ranges = []
  for (let i = 0; i < program.numInst(); i++) {
    const runes = program.getInst(i).runes ?? []
    if (runes.length === 1) ranges.push([runes[0], runes[0]])
    else for (let j = 0; j < runes.length; j += 2) ranges.push([runes[j], runes[j + 1]])
  }
  return joined(ranges.sort((a, b) => a[0] - b[0]))
}

/** Returns the names of all groups, and the ranges of those that differ, each bound as the distance from the last. */
export function groupTables() {
  const groups = readGroups()
  const differing = [...groups].filter(
    ([name, ranges]) => JSON.stringify(ranges) !== JSON.stringify(rangesOfRe2js(name)),
  )
  const encoded = differing.map(([name, ranges]) => {
    const bounds = ranges.flat()
    return [name, bounds.map((bound, i) => (bound - (bounds[i - 1] ?? 0)).toString(36)).join(' ')]
  })
  return { names: [...groups.keys()], differing: encoded }
}

function wrapped(text, indent) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1).length + word.length > 110) lines.push('')
    lines[lines.length - 1] += `${word} `
  }
  return lines.map((line, i) => `${indent}'${i === lines.length - 1 ? line.trimEnd() : line}'`).join(' +\n')
}

function render({ names, differing }) {
  return `// The classes that RE2 knows after \\p, generated from its unicode_groups.cc and from re2js: do not edit. Regenerate with
// \`node packages/engine/native/unicode-groups.mjs > packages/engine/src/rules/unicode-groups.ts\`. Read by
// pattern-classes.ts alone.

/** Names of all classes, general categories and scripts, but for \`Any\`. */
// prettier-ignore
export const groupNames: ReadonlySet<string> = new Set((
${wrapped(names.join(' '), '  ')}
).split(' '))

/**
 * The classes that re2js reads differently, because its version of Unicode is another: first and last code points of
 * RE2's ranges in turn, each in base 36 as the distance from the one before.
 */
// prettier-ignore
export const differingGroups: Readonly<Record<string, string>> = {
${differing.map(([name, bounds]) => `  ${name}:\n${wrapped(bounds, '    ')},`).join('\n')}
}
`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(render(groupTables()))
