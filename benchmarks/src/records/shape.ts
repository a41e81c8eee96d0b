// What the records of a generated input are like, as a case names it: size, values, spelling, order, nesting, faults.
// Types, their check, and how long such records are. Makes no records; generate.ts does. Called by cases.ts and inputs.ts.

/** What records are like. A key that is left out means the first of its values. */
export interface RecordShape {
  /** `ordinary`: about 1.2 KB, 50 fields. `small`: about 200 bytes, eight fields. `large`: about 6 KB, with long texts. */
  readonly size?: 'ordinary' | 'small' | 'large'
  /**
   * `repeated`: hosts, agents, countries … repeat as in traffic. `unique`: no text of any field stands twice.
   * `alternating`: 5,000 records of the first kind, 5,000 of the second, and so on.
   */
  readonly values?: 'repeated' | 'unique' | 'alternating'
  /**
   * `needed`: only escapes that JSON demands. `all`: in every record, `half`: in every second one, some strings and keys
   * have escapes that nothing demands (`\/`, `\u0055`), and values with quotes and letters beyond ASCII.
   */
  readonly escapes?: 'needed' | 'half' | 'all'
  /**
   * `shuffled`: every record has its keys in an order of its own. `misleading`: so it has, and among them others that look
   * like them (decoys.ts), each time different ones.
   */
  readonly keys?: 'ordered' | 'shuffled' | 'misleading'
  /** `common-start`: paths of one folder, over and over, before the name of a file (`pathStart` of decoys.ts). */
  readonly paths?: 'ordinary' | 'common-start'
  /** `spaced`: a space behind each colon and comma, and inside of braces, as pretty printers leave on one line. */
  readonly whiteSpace?: 'none' | 'spaced'
  /** `nested`: the fields in objects and arrays, up to four deep, with numbers, booleans and null. */
  readonly nesting?: 'flat' | 'nested'
  /** One record in so many, at fixed places, is malformed in one of several ways; without it none. From 2 on. */
  readonly malformedEvery?: number
}

/** The records of an input: of `weir generate ds2`, or of the suite's own generator in some shape. */
export type InputDescription = { readonly generator: 'ds2' } | ({ readonly generator: 'records' } & RecordShape)

const choices: Readonly<Record<string, readonly string[]>> = {
  size: ['ordinary', 'small', 'large'],
  values: ['repeated', 'unique', 'alternating'],
  escapes: ['needed', 'half', 'all'],
  keys: ['ordered', 'shuffled', 'misleading'],
  paths: ['ordinary', 'common-start'],
  whiteSpace: ['none', 'spaced'],
  nesting: ['flat', 'nested'],
}

/** Returns what is wrong with the description that a case gives, as a sentence; undefined when nothing is. */
export function faultOfInput(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '`input` is an object.'
  const { generator, ...shape } = value as Record<string, unknown>
  if (generator !== 'ds2' && generator !== 'records') return '`input.generator` is `ds2` or `records`.'
  for (const [key, chosen] of Object.entries(shape)) {
    if (generator === 'ds2') return `\`input.${key}\` needs the generator \`records\`; \`ds2\` has one shape.`
    if (key === 'malformedEvery') {
      if (!Number.isInteger(chosen) || (chosen as number) < 2) return '`input.malformedEvery` is an integer from 2 on.'
    } else if (choices[key] === undefined) return `\`input.${key}\` is unknown.`
    else if (!choices[key].includes(chosen as string)) return `\`input.${key}\` is one of ${choices[key].join(', ')}.`
  }
  return shape['keys'] === 'misleading' && shape['nesting'] === 'nested'
    ? '`input.keys` is misleading in flat records only: `input.nesting` places keys by name.'
    : undefined
}

/** Returns a short name of the description, for names of files: equal ones have equal names. */
export function nameOfInput(description: InputDescription): string {
  if (description.generator === 'ds2') return 'ds2'
  const chosen = Object.entries(choices).map(([key, [first]]) => {
    const value = String(description[key as keyof RecordShape] ?? first)
    return value === first ? undefined : value
  })
  const every = description.malformedEvery
  if (every !== undefined) chosen.push(`malformed${every}`)
  return ['records', ...chosen.filter((value) => value !== undefined)].join('-')
}

/** Bytes of a record in its first shape, by its size. */
const sizes = { ordinary: 1270, small: 211, large: 6000 }
/** What other choices make of that, about; of `alternating`, between what few records and many are like. */
const factors = {
  ...{ unique: 1.3, alternating: 1.08, half: 1.04, all: 1.08, misleading: 1.28, 'common-start': 1.08 },
  ...{ spaced: 1.08, nested: 0.83 },
}

/** Returns about how long a record is, its line feed included: to turn a wanted size into a number of records. */
export function bytesOfRecord(description: InputDescription): number {
  if (description.generator === 'ds2') return sizes.ordinary
  const { size = 'ordinary', ...others } = description
  const chosen = Object.values(others).map((value) => factors[value as keyof typeof factors] ?? 1)
  return chosen.reduce((bytes, factor) => bytes * factor, sizes[size])
}

/** Whether some of the records are malformed: such lines cannot stand in another format, as an array. */
export function hasMalformed(description: InputDescription): boolean {
  return description.generator === 'records' && description.malformedEvery !== undefined
}

/**
 * Whether every record is as a writer of JSON without options would write what it parsed: no white space, no escape
 * that is not needed, none malformed. A tool that writes records anew gives their bytes back for such inputs only.
 */
export function isSpelledPlainly(description: InputDescription): boolean {
  if (description.generator === 'ds2') return true
  const { escapes = 'needed', whiteSpace = 'none' } = description
  return escapes === 'needed' && whiteSpace === 'none' && !hasMalformed(description)
}
