// The whole chain, from bodies to objects, once and reduced.

import { testFault } from './running.js'
import { wholeChain } from './whole-chain.js'

testFault(wholeChain)
