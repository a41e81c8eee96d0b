// Has batches and trials count as hung after a moment instead of seconds: a preload for Node's `--import`, so that a reduced run
// need not wait. Only tests use it.

const { deadlines } = (await import(new URL('../../dist/pipeline/deadlines.js', import.meta.url).href)) as {
  deadlines: { batchMs: number; trialMs: number }
}
deadlines.batchMs = 1500
deadlines.trialMs = 500
