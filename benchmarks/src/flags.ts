// The flags of a command line, read in the same way for every program of the benchmarks: unknown ones, values that are
// missing or too many, and flags given twice are refused in words of our own. What a value means is for others to say.
// Called by options.ts, service/options.ts and programs that have next to none.

import { parseArgs } from 'node:util'
import { UsageError } from './errors.ts'

/** A flag: one without a value, which may be repeated, one with a value, or one whose values are lists of names. */
export type FlagKind = 'switch' | 'value' | 'names'

type Given<K extends FlagKind> = K extends 'switch' ? true : K extends 'value' ? string : readonly string[]

/** What a command line says, by flag; what it does not say is absent. */
export type Flags<T extends Readonly<Record<string, FlagKind>>> = { readonly [F in keyof T]?: Given<T[F]> }

/**
 * Returns what the arguments say. `-h` is `--help`. `usage`: the command with `--help`, for messages.
 * Errors: UsageError that names the flag, what was given and what there is.
 */
export function readFlags<T extends Readonly<Record<string, FlagKind>>>(
  args: readonly string[],
  kinds: T,
  usage: string,
): Flags<T> {
  const names = Object.keys(kinds)
  const found = new Map<string, true | string | readonly string[]>()
  for (const token of tokensOf(args, kinds)) {
    if (token.kind === 'option-terminator') throw new UsageError(`-- stands for nothing here; ${explain(usage)}`)
    const kind = token.kind === 'option' && names.includes(token.name) ? kinds[token.name] : undefined
    if (token.kind === 'positional' || kind === undefined) {
      const given = token.kind === 'positional' ? `"${token.value}"` : token.rawName
      throw new UsageError(
        `${given} is no option; there are ${names.map((name) => `--${name}`).join(', ')}. ${explain(usage)}`,
      )
    }
    const { name, value } = token
    if (kind === 'switch') {
      if (value !== undefined) throw new UsageError(`--${name} takes no value, not "${value}"; ${explain(usage)}`)
      found.set(name, true)
      continue
    }
    const before = found.get(name)
    const text = valueOf(token, kind, usage)
    if (kind === 'names') found.set(name, [...((before as readonly string[] | undefined) ?? []), text])
    else if (before === undefined) found.set(name, text)
    else throw new UsageError(`--${name} is given twice, as "${String(before)}" and as "${text}"; it has one value.`)
  }
  return Object.fromEntries(found) as Flags<T>
}

function tokensOf(args: readonly string[], kinds: Readonly<Record<string, FlagKind>>) {
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => {
      const type = kind === 'switch' ? ('boolean' as const) : ('string' as const)
      return [name, name === 'help' ? { type, short: 'h' } : { type }]
    }),
  )
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens
}

interface FlagToken {
  readonly name: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function valueOf({ name, value, inlineValue }: FlagToken, kind: 'value' | 'names', usage: string): string {
  // Another flag where the value should be is one that was forgotten, unless it is joined to it.
  const isFlag = value !== undefined && inlineValue === false && value.length > 1 && value.startsWith('-')
  if (value !== undefined && value !== '' && !isFlag) return value
  const what = kind === 'names' ? 'names' : 'a value'
  const given = value === undefined ? 'nothing follows it' : `what follows it is "${value}"`
  throw new UsageError(`--${name} takes ${what}, and ${given}; ${explain(usage)}`)
}

function explain(usage: string): string {
  return `${usage} explains the options.`
}

/** Returns the names in comma lists, for `choose`, which refuses empty ones; none where no list was given. */
export function namesIn(lists: readonly string[] = []): string[] {
  return lists.flatMap((list) => list.split(',').map((name) => name.trim()))
}
