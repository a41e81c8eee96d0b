// What `weir archive ls` says of a bucket. Called by bucket.ts and ../soak.

import { execFileSync } from 'node:child_process'
import { weirCommand } from '../inputs.ts'

/** An object by its manifest. Offsets are texts. */
export interface ListedObject {
  readonly key: string
  readonly partition: number
  readonly first: string
  readonly last: string
  readonly count: number
  readonly rawBytes: number
  readonly storedBytes: number
  /** Times of the first and last record, and when the store has had the object, in milliseconds since 1970. */
  readonly firstMs: number
  readonly lastMs: number
  readonly modifiedMs: number
}

/** Returns the objects of all archives of a settings file. *Errors*: of the command; where something foreign lies there. */
export function listArchives(settings: string): ListedObject[] {
  const args = [weirCommand(), 'archive', 'ls', '--json', '--config', settings]
  const text = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const object = JSON.parse(line) as ListedObject & { readonly foreign?: string }
      if (object.foreign !== undefined) throw new Error(`${object.key} is no object of an archive: ${object.foreign}`)
      return object
    })
}
