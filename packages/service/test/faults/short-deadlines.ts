// Has batches count as hung sooner: a preload for Node's `--import`, so that a reduced run need not wait as long. Trials have
// their whole time: a healthy record that had too little of it would count as guilty. Only tests use it.

const { deadlines } = (await import(new URL('../../dist/pipeline/deadlines.js', import.meta.url).href)) as {
  deadlines: { batchMs: number }
}
deadlines.batchMs = 3000
