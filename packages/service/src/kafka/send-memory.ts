// Memory of what is sent: of chunks while they are filled, and of requests. Both are read until a send is acknowledged, since
// the library encodes a send anew to try it again, and a request may wait in its connection for ever where it is not
// answered; so only an acknowledgement gives a lease back, and what has failed is left to the collector. Called by
// ../sinks/kafka.ts, batch-encoder.ts and producer.ts.

import { ReusedMemory } from './reused-memory.ts'

/** Chunks and requests that are under way at once are mostly fewer. */
const mostFreeBytes = 32 << 20

/** The memory of all sends of the process. */
export const sendMemory = new ReusedMemory(mostFreeBytes)
