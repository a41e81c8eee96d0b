// All peers, in the order of the tables.

import { chdb } from './chdb.ts'
import { javaOriginal, javaRepaired } from './converter.ts'
import { duckdb } from './duckdb.ts'
import { gojq, jaq, jq } from './jq-family.ts'
import { miller } from './miller.ts'
import type { Peer } from './peer.ts'
import { rsyslog } from './rsyslog.ts'
import { syslogNg } from './syslog-ng.ts'
import { vector } from './vector.ts'

/** Programs that are told to filter in their own language. */
export const peers: readonly Peer[] = [
  jq,
  gojq,
  jaq,
  miller,
  duckdb,
  chdb,
  syslogNg,
  rsyslog,
  vector,
  javaOriginal,
  javaRepaired,
]
