#!/usr/bin/env node
// Starts the command `weir` from its compiled form, or says how to compile it.

// Else this signal opens Node's inspector, by which everybody on the machine could run code in the process. Here, before
// anything is loaded: until a signal is handled, Node does what it does.
process.on('SIGUSR1', () => {})

try {
  await import('../dist/main.js')
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
  process.stderr.write(
    `weir is not built: ${error.message}\nRun \`npm run build\` in its repository; it installs what is missing.\n`,
  )
  process.exitCode = 1
}
