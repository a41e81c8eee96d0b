// All contenders between topics. Called by options.ts and the cases.

import type { KafkaContender } from './contender.ts'
import { javaContenders } from './java-contenders.ts'
import { rsyslogKafka } from './rsyslog.ts'
import { weirContenders } from './weir.ts'

/** Weir first. */
export const contenders: readonly KafkaContender[] = [...weirContenders, ...javaContenders, rsyslogKafka]

/** Returns why a contender cannot take part here; undefined where it can. */
export function faultOf({ tool }: KafkaContender): string | undefined {
  if (tool === undefined || tool.find() !== undefined) return undefined
  return `not installed: npm run bench:peers -- ${tool.name}`
}
