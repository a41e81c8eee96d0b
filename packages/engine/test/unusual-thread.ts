// Stands in for the thread that compiles rules, and does what the question mark of its URL says. Only tests load it.

// `exit`: ends before it answers. `busy`: never does. Else it waits for ever, in a way that can be ended.
const how = new URL(import.meta.url).searchParams.get('how')

if (how === 'exit') process.exit(3)
if (how === 'busy') for (;;);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
