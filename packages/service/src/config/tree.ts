// Settings as they were given, with where each came from: the file, and over it the environment and flags. Knows
// nothing of what they mean. Called by load.ts.

import type { SettingsDocument, TextPlace } from './document.ts'
import type { Path } from './outline.ts'
import { formatPath, isPlainObject } from './outline.ts'

/** Where a setting was given. */
export interface Origin {
  /** `default`: the schema's own; `original`: the settings of the original converter. */
  readonly kind: 'default' | 'file' | 'original' | 'environment' | 'flag'
  /** As messages call it: the file as it was named, the variable, `--set PATH`. */
  readonly name: string
  /** Only in files. */
  readonly place?: TextPlace
}

/** A setting that is given, not in the file itself. */
export interface Assignment {
  readonly path: Path
  readonly value: unknown
  readonly origin: Origin
}

interface Entry {
  readonly origin: Origin
  readonly keyPlace: TextPlace | undefined
}

/** Settings that can be looked up and overwritten. */
export class SettingsTree {
  readonly #root: Record<string, unknown> = {}
  readonly #entries = new Map<string, Entry>()
  readonly #whole: Origin

  /** `origin`: of what stands in the document; places are added to it, unless it is no file. */
  constructor(document: SettingsDocument, origin: Origin) {
    this.#whole = origin
    for (const [name, value] of Object.entries(document.value)) {
      this.#put(this.#root, [name], value, (path, atKey) => {
        const place = origin.kind === 'default' ? undefined : document.locate(path, atKey)
        return place === undefined ? origin : { ...origin, place }
      })
    }
  }

  /** All settings as given. Not to be changed. */
  get value(): Readonly<Record<string, unknown>> {
    return this.#root
  }

  /** Returns what was given at the path. */
  get(path: Path): unknown {
    let value: unknown = this.#root
    for (const step of path) {
      if (Array.isArray(value) && typeof step === 'number') value = (value as unknown[])[step]
      else if (isPlainObject(value) && Object.hasOwn(value, step)) value = value[step]
      else return undefined
    }
    return value
  }

  /**
   * Replaces what stands at the path. Groups on the way are made. Where something else stands in their place, nothing is
   * done: that is a problem of its own, which would be hidden.
   */
  set({ path, value, origin }: Assignment): void {
    let parent = this.#root
    for (const [depth, step] of path.slice(0, -1).entries()) {
      const next = Object.hasOwn(parent, step) ? parent[step] : undefined
      if (isPlainObject(next)) parent = next
      else if (next === undefined) {
        const made: Record<string, unknown> = {}
        define(parent, String(step), made)
        this.#note(path.slice(0, depth + 1), { origin, keyPlace: undefined })
        parent = made
      } else return
    }
    this.#forget(path)
    this.#put(parent, path, value, () => origin)
  }

  /** Takes away what stands at the path. */
  remove(path: Path): void {
    const parent = this.get(path.slice(0, -1))
    if (isPlainObject(parent)) delete parent[String(path.at(-1))]
    this.#forget(path)
  }

  /** Returns where the setting was given, or undefined where it has its default. */
  originOf(path: Path): Origin | undefined {
    return this.#entries.get(formatPath(path))?.origin
  }

  /** Returns where the setting was given, or else what stands above it; with `atKey`, the place of its name. */
  placeOf(path: Path, atKey: boolean): Origin {
    for (let depth = path.length; depth > 0; depth--) {
      const entry = this.#entries.get(formatPath(path.slice(0, depth)))
      if (entry === undefined) continue
      const { origin, keyPlace } = entry
      // What is missing is missing from the group of that name.
      return (atKey || depth < path.length) && keyPlace !== undefined ? { ...origin, place: keyPlace } : origin
    }
    return this.#whole
  }

  #put(parent: object, path: Path, value: unknown, originOf: (path: Path, atKey: boolean) => Origin): void {
    const origin = originOf(path, false)
    const atKey = originOf(path, true)
    this.#note(path, { origin, keyPlace: atKey.place })
    const last = String(path.at(-1))
    if (isPlainObject(value)) {
      const copy: Record<string, unknown> = {}
      define(parent, last, copy)
      for (const [name, each] of Object.entries(value)) this.#put(copy, [...path, name], each, originOf)
    } else if (Array.isArray(value)) {
      const copy: unknown[] = []
      define(parent, last, copy)
      for (const [i, each] of value.entries()) this.#put(copy, [...path, i], each, originOf)
    } else define(parent, last, value)
  }

  #note(path: Path, entry: Entry): void {
    this.#entries.set(formatPath(path), entry)
  }

  #forget(path: Path): void {
    const prefix = formatPath(path)
    for (const key of this.#entries.keys()) {
      if (key === prefix || key.startsWith(`${prefix}.`) || key.startsWith(`${prefix}[`)) this.#entries.delete(key)
    }
  }
}

/** Assigns a property of any name: an assignment to `__proto__` would do something else. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true })
}
