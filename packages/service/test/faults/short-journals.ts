// Has journals be written anew every few lines, as they are after minutes under load: a preload for Node's `--import`. Only
// tests use it.

import { journalLimits } from '#src/sinks/directory-journal.js'

journalLimits.growthBytes = 1000
