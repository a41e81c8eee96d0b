// The store on the scripted fake: the same contract as on a real server, so that the fake is known to be a store.

import { testObjectStore } from '../contract/object-store.js'
import { startFakeS3 } from '../servers/s3/fake-s3.js'
import { skipWithoutReader } from '../servers/s3/reader.js'
import { open } from './opening.js'

testObjectStore('fake', skipWithoutReader(), async (t) => {
  const server = await startFakeS3(t, { pageSize: 2 })
  return { server, open: (bucket) => open(t, server, bucket === undefined ? {} : { bucket }) }
})
