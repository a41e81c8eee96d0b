// The options of Node that worker threads are started with. Reads those of this process, and knows no pool. Called by
// pool.ts.

/** Options of this process that workers need too: what is loaded ahead of everything, and how names are resolved. */
const inherited = /^(?:--import|--require|-r|--conditions|-C)(?:=|$)/

/**
 * Returns the options. Piscina loads the worker by `require` where that takes modules. A thread that is ended in the middle of
 * that ends the whole process, on Node 20 at least, so there it must not: then Piscina goes on to `import`.
 */
export function workerOptions(): string[] {
  const options: string[] = []
  for (let index = 0; index < process.execArgv.length; index++) {
    const option = process.execArgv[index]!
    if (!inherited.test(option)) continue
    options.push(option)
    if (!option.includes('=')) options.push(process.execArgv[++index] ?? '')
  }
  const known = process.allowedNodeEnvironmentFlags.has('--experimental-require-module')
  return known ? [...options, '--no-experimental-require-module'] : options
}
