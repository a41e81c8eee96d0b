// What hostile or broken senders do, each once and reduced.

import { adminBrowser } from './admin-browser.js'
import { bomb } from './bomb.js'
import { garbage } from './garbage.js'
import { quarantine } from './quarantine.js'
import { testFault } from './running.js'
import { slowClients } from './slow-clients.js'
import { smuggling } from './smuggling.js'

testFault(bomb)
testFault(slowClients)
testFault(smuggling)
testFault(garbage)
testFault(quarantine)
testFault(adminBrowser)
