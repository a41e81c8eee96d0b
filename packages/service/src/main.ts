// The command `weir` with all its subcommands. Loads a command's code, and with it the engine, only when it is asked for:
// loading takes longer than a small input does. Started by bin/weir.js.

import { start } from './start.ts'
import type { Subcommands } from './start.ts'

/** In the order of the help. */
const subcommands: Subcommands = {
  filter: async (context) => (await import('./commands/filter.ts')).filterCommand(context),
  rules: async (context) => (await import('./commands/rules.ts')).rulesCommand(context),
  serve: async (context) => (await import('./commands/serve.ts')).serveCommand(context),
  tune: async (context) => (await import('./commands/tune.ts')).tuneCommand(context),
  offsets: async (context) => (await import('./commands/offsets.ts')).offsetsCommand(context),
  archive: async (context) => (await import('./commands/archive.ts')).archiveCommand(context),
  users: async (context) => (await import('./commands/users.ts')).usersCommand(context),
  generate: async (context) => (await import('./commands/generate.ts')).generateCommand(context),
  config: async (context) => (await import('./commands/config.ts')).configCommand(context),
}

void start(subcommands)
