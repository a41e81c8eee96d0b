// A number with its noun, in messages that people read. Called by every layer above.

/** Returns `1 object`, `2 objects`. `many`: where it is not `one` with an s. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${Number(count) === 1 ? one : many}`
}
