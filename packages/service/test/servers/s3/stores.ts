// The real object stores that a fault may have before it, by name: how each is started, and what to do where it is missing. A
// store that a script plays, fake-s3.ts, is none of them. Called by faults and their command.

import type { Owner } from '../kafka/broker.ts'
import { whyNoS3 } from './install.ts'
import { startRadosgw, whyNoRadosgw } from './radosgw.ts'
import type { RunningStore } from './server.ts'
import { startVersitygw } from './versitygw.ts'

/** Names of stores; the first is what everybody gets who names none. */
export const storeNames = ['versitygw', 'radosgw'] as const
export type StoreName = (typeof storeNames)[number]

interface StoreKind {
  /** Resolves with what to do where the machine has none. */
  readonly whyNot: () => Promise<string | undefined>
  readonly start: (owner: Owner) => Promise<RunningStore>
}

const kinds: Readonly<Record<StoreName, StoreKind>> = {
  versitygw: { whyNot: whyNoS3, start: startVersitygw },
  radosgw: { whyNot: () => Promise.resolve(whyNoRadosgw()), start: startRadosgw },
}

/** Whether a word is the name of a store. */
export function isStoreName(word: string | undefined): word is StoreName {
  return storeNames.some((name) => name === word)
}

/** Resolves with what to do where the machine has no store of that name; with nothing where it has. */
export function whyNoStore(name: StoreName = storeNames[0]): Promise<string | undefined> {
  return kinds[name].whyNot()
}

/** Starts a store that has the bucket `logs`. It is ended, and what it stored removed, with its owner. */
export function startStore(owner: Owner, name: StoreName = storeNames[0]): Promise<RunningStore> {
  return kinds[name].start(owner)
}
