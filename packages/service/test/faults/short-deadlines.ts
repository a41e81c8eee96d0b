// Has batches count as hung after two seconds instead of thirty: a preload for Node's `--import`, so that a reduced run
// need not wait. Only tests use it.

const { limits } = (await import(new URL('./limits.js', import.meta.resolve('@weir/engine')).href)) as {
  limits: { batchDeadlineMs: number; workerStartMs: number }
}
limits.batchDeadlineMs = 2000
limits.workerStartMs = 5000
