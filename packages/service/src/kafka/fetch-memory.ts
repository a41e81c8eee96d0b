// Memory of large answers, used again when what was read in it is done with: allocated anew for each fetch, it costs more
// than all that is done with the records, in pages that are cleared and in collections of garbage. Called by client.ts,
// whose connections fill it, and record-batches.ts, which reads in it.

import { ReusedMemory } from './reused-memory.ts'

/** The memory of all connections of the process. */
export const fetchMemory = new ReusedMemory()
