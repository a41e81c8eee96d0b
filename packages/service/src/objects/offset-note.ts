// What an archive notes with the offset that it commits: how far the newest object reaches. The offset itself may stand
// behind it, where the topic has nothing to archive between. Called by ../pipeline and ../commands.

const pattern = /^archived to (\d{1,19})$/

/** Returns the note. `behind`: the offset behind the last record of the newest object. */
export function offsetNote(behind: bigint): string {
  return `archived to ${behind}`
}

/** Returns what a note says, or undefined where it is none of an archive's: nothing was archived, or somebody has set the offset. */
export function readOffsetNote(note: string): bigint | undefined {
  const behind = pattern.exec(note)?.[1]
  return behind === undefined ? undefined : BigInt(behind)
}
