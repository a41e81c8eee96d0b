// Reads field paths: `a.b`, `a["b.c"]`, `a[0]`. Called by translation.ts.

/** A path from the top of a record: keys of objects and positions in arrays. */
export type FieldPath = readonly (string | number)[]

/** Returns the parts of a field path. Errors: an Error naming a path that is none. */
export function parseFieldPath(text: string): FieldPath {
  const path: (string | number)[] = []
  const part = /\.?([^.[\]"]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/y
  while (part.lastIndex < text.length) {
    const [, key, quoted, position] = part.exec(text) ?? []
    if (key !== undefined) path.push(key)
    else if (quoted !== undefined) path.push(JSON.parse(`"${quoted}"`) as string)
    else if (position !== undefined) path.push(Number(position))
    else throw new Error(`${text} is no field path.`)
  }
  return path
}
