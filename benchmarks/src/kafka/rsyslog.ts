// Contender between two topics: rsyslog, which reads one by imkafka, parses each message as JSON, runs a script over it, and
// writes by omkafka; both modules are librdkafka's. It knows no chunks, and neither partition nor order stays.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { moduleOptions, rsyslogLanguage, rsyslogRules } from '../peers/rsyslog.ts'
import { translate } from '../peers/translation.ts'
import { debianPackage } from '../tools/debian.ts'
import { versionLine } from '../tools/tool.ts'
import type { Tool } from '../tools/tool.ts'
import type { KafkaContender, KafkaTask } from './contender.ts'
import { rulesOf } from './selections.ts'

const daemon = debianPackage({
  name: 'rsyslog-kafka',
  program: 'usr/sbin/rsyslogd',
  options: moduleOptions,
  versionOption: '-v',
})

/** The daemon alone, where the system has it, is not enough: the modules are a package of their own. */
const tool: Tool = {
  ...daemon,
  find: () => {
    const found = daemon.find()
    if (found === undefined) return undefined
    const settings = 'module(load="imkafka") module(load="omkafka") action(type="omfile" file="/dev/null")'
    const starts = versionLine(`echo ${quote(settings)} | ${found.command} -N1 -f /dev/stdin && echo 1`)
    return starts === undefined ? undefined : found
  },
}

/** Messages that wait between reading and filtering. The main queue would be a second one. */
const waitingMessages = 20_000
/** It never gives a message up for a queue that is full. */
const patienceMs = 1_000_000_000

function settingsOf({ bootstrap, group, input, output, folder, filters }: KafkaTask): string {
  const text = (value: string): string => `"${value.replaceAll(/[\\"$]/g, '\\$&')}"`
  const reading = ['auto.offset.reset=earliest', 'auto.commit.interval.ms=100']
  const list = (values: readonly string[]): string => `[${values.map(text).join(',')}]`
  return `global(workDirectory=${text(folder)} maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off" abortOnUncleanConfig="on")
module(load="imkafka") module(load="omkafka") module(load="mmjsonparse")
template(name="record" type="string" string="%rawmsg%")
input(type="imkafka" broker=${text(bootstrap)} topic=${text(input)} consumergroup=${text(group)} ruleset="r" confParam=${list(reading)})
ruleset(name="kept") {
  action(type="omkafka" broker=${text(bootstrap)} topic=${text(output)} template="record" partitions.auto="on"
    confParam=${list(['acks=all', 'linger.ms=20'])} resubmitOnFailure="on" closeTimeout="10000" action.resumeRetryCount="-1")
}
ruleset(name="r" queue.type="FixedArray" queue.size="${waitingMessages}" queue.timeoutEnqueue="${patienceMs}" queue.workerThreads="1") {
  action(type="mmjsonparse" cookie="" useRawMsg="on")
  if $parsesuccess != "OK" then stop
${rsyslogRules(translate(rulesOf(filters), rsyslogLanguage))}
}
`
}

/** rsyslog with one worker, which keeps it cheap; librdkafka has threads of its own. It commits ahead of the work. */
export const rsyslogKafka: KafkaContender = {
  id: 'rsyslog-kafka',
  label: 'rsyslog',
  tool,
  forms: ['lines'],
  delivery: 'at-most-once',
  start: (task) => {
    const found = tool.find()
    if (found === undefined) throw new Error('rsyslog-kafka is not installed')
    const settings = join(task.folder, 'rsyslog.conf')
    writeFileSync(settings, settingsOf(task))
    const words = `exec ${found.command} -n -f ${quote(settings)} -i ${quote(join(task.folder, 'pid'))}`
    return { command: ['sh', '-c', words] }
  },
}
