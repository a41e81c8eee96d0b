// What an archive notes with the offset that it commits: how far the newest object reaches, and whether others may be there
// behind it. The offset itself may stand behind that, where the topic has nothing to archive between. Called by ../pipeline,
// ../archive and ../commands.

const pattern = /^archived to (\d{1,19})(; more may be there)?$/

/** What a note says. */
export interface OffsetNote {
  /** The offset behind the last record of the newest object. */
  readonly behind: bigint
  /**
   * Whether the archive goes over offsets that it may have gone over before, as where somebody has set it back: behind any that
   * are in no object there may be some that are.
   */
  readonly mayMeetMore: boolean
}

/** Returns the note. `behind` and `mayMeetMore` as in `OffsetNote`. */
export function offsetNote(behind: bigint, mayMeetMore = false): string {
  return `archived to ${behind}${mayMeetMore ? '; more may be there' : ''}`
}

/** Returns what a note says, or undefined where it is none of an archive's: nothing was archived, or somebody has set the offset. */
export function readOffsetNote(note: string): OffsetNote | undefined {
  const [, behind, more] = pattern.exec(note) ?? []
  return behind === undefined ? undefined : { behind: BigInt(behind), mayMeetMore: more !== undefined }
}
