// The time that stands in a record, for the header that carries it. The engine measures by the same field, but tells no
// record's own; so each is parsed once more, which costs about what sending it costs. Called by ../commands for kafka.ts.

type Step = string | number

/**
 * Returns a function that finds the value of a field: a text as it is, a number as JavaScript writes it. It finds nothing
 * where the field is absent, or of another kind, or where its last key occurs more than once: which of them counts, the
 * engine says otherwise than JSON.parse does. `fieldPath`: as in rules, `a.b`, `["a.b"]`, `a[0]`.
 */
export function recordTime(fieldPath: string): (record: Uint8Array) => string | undefined {
  const steps = stepsOf(fieldPath)
  const name = steps.findLast((step) => typeof step === 'string') ?? ''
  const key = Buffer.from(JSON.stringify(name))
  return (record) => {
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.length)
    const first = bytes.indexOf(key)
    if (first < 0 || bytes.includes(key, first + key.length)) return undefined
    const value = valueAt(bytes, steps)
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  }
}

function valueAt(bytes: Buffer, steps: readonly Step[]): unknown {
  try {
    let value: unknown = JSON.parse(bytes.toString())
    for (const step of steps) {
      const isFitting = typeof step === 'number' ? Array.isArray(value) : isObject(value)
      if (!isFitting || !Object.hasOwn(value as object, step)) return undefined
      value = (value as Record<Step, unknown>)[step]
    }
    return value
  } catch {
    // Under other validation than `full` a record may leave that is none.
    return undefined
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function stepsOf(fieldPath: string): Step[] {
  const steps: Step[] = []
  for (const [, plain, index, quoted] of fieldPath.matchAll(/([^.[\]]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    steps.push(plain ?? (index === undefined ? (JSON.parse(quoted!) as string) : Number(index)))
  }
  return steps
}
