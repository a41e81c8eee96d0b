// The command `weir` where its arguments begin with `filter`, which is started most often and for the smallest inputs: what
// is bundled of this holds nothing of the other commands, since what is in a file is paid for even when it never runs.
// Started by bin/weir.js.

import { filterCommand } from './commands/filter.ts'
import { start } from './start.ts'

void start({ filter: (context) => Promise.resolve(filterCommand(context)) })
