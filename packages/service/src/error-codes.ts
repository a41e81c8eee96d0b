// The code table of the service's faults: what each means, and its cure. The classes are in errors.ts, its only caller.

/** One row of the code table: the class that carries the code, and what the caller should do. */
export interface ErrorCodeRow {
  readonly kind: 'config' | 'connector' | 'kafka' | 's3'
  readonly meaning: string
  readonly cure: string
}

/**
 * Every error code of the service, with its meaning and its cure. `docs/errors.md` is held equal to this table by a
 * test.
 */
export const errorCodes = {
  ERR_CONFIG_OPTION: {
    kind: 'config',
    meaning: 'An option of the command has a value that cannot be used, or contradicts another option.',
    cure: 'Give the option a value that its `--help` names.',
  },
  ERR_CONFIG_ROUTE_WITHOUT_OUTPUT: {
    kind: 'config',
    meaning: 'A rule sends records to a route that has no output.',
    cure: 'Give the route a file, `--route NAME=FILE`, or in settings an output under `routes`; `/dev/null` and `discard: {}` take its records and keep none.',
  },
  ERR_CONFIG_SETTINGS: {
    kind: 'config',
    meaning: 'The settings of `weir serve` have problems; each is told with its place.',
    cure: 'Mend every problem that is listed; docs/settings.md has what each setting takes.',
  },
  ERR_CONFIG_SAMPLE: {
    kind: 'config',
    meaning: 'The sample that settings are measured on holds no record that rules could judge.',
    cure: 'Give a file of records like those that the rules will see; `weir generate` makes some to try things on.',
  },
  ERR_CONFIG_UNREADABLE: {
    kind: 'config',
    meaning:
      'The settings file, the settings of the original converter, or a pipe with rules cannot be read, or a device is given for a file.',
    cure: 'Check the path behind `--config`, `--original`, `WEIR_CONFIG`, `WEIR_ORIGINAL` or `--rules`, and its permissions.',
  },
  ERR_CONFIG_UNKNOWN_ROUTE: {
    kind: 'config',
    meaning: 'An output is given for a route that no rule names.',
    cure: 'Use a name that stands behind `route:` in the rule set.',
  },
  ERR_CONFIG_SAME_FILE: {
    kind: 'config',
    meaning: 'An output is also an input, the rule file or a list file of the rules, or two outputs are one file.',
    cure: 'Write to a file of its own.',
  },
  ERR_CONFIG_USERS: {
    kind: 'config',
    meaning:
      'A file of credentials cannot be read, holds a line that is no credential, or a credential cannot be made.',
    cure: 'Mend the lines that the message names; `weir users hash` writes such lines. A running service keeps the file before.',
  },
  ERR_CONFIG_TLS: {
    kind: 'config',
    meaning: 'A certificate or its key cannot be read, or the two do not belong together.',
    cure: 'Give a PEM file with the chain, and one with the key of its first certificate. A running service keeps the pair before.',
  },
  ERR_CONFIG_RULES_TESTS: {
    kind: 'config',
    meaning: 'Tests that a rule set brings along fail, so it is not put in force.',
    cure: 'Run `weir rules check`, and mend the rules or the tests.',
  },
  ERR_CONFIG_RULES_READ_ONLY: {
    kind: 'config',
    meaning:
      'Rules were posted for a pipeline whose rules stand in the settings or in a file that may not be replaced.',
    cure: 'Change the rules where they come from; the service sees a changed rule file by itself.',
  },
  ERR_CONFIG_TOKEN: {
    kind: 'config',
    meaning: 'The token file of the admin port cannot be used.',
    cure: 'Write one or more tokens to it, one a line, each of 16 to 256 letters, digits and marks without spaces.',
  },
  ERR_CONFIG_KAFKA: {
    kind: 'config',
    meaning: 'The address of a broker, or the file with the password for Kafka, cannot be used.',
    cure: 'Write brokers as `HOST:PORT`; the password file holds one line, the password. A running service keeps the password before.',
  },
  ERR_CONFIG_S3: {
    kind: 'config',
    meaning: 'The file with the keys of an object store cannot be read, or holds none.',
    cure: 'Write it in the form that AWS calls a shared credentials file, with a profile `[default]`, or as JSON with `accessKey` and `secretKey`. A running service keeps the keys before.',
  },
  ERR_CONNECTOR_LISTEN: {
    kind: 'connector',
    meaning: 'A port cannot be listened on.',
    cure: 'Read the message: usually another process has the port, or the address is not one of this machine.',
  },
  ERR_CONNECTOR_OPEN: {
    kind: 'connector',
    meaning: 'An input cannot be opened: it does not exist, is a directory, or may not be read.',
    cure: 'Check the path and its permissions.',
  },
  ERR_CONNECTOR_READ: {
    kind: 'connector',
    meaning: 'Reading an input failed half-way; what came before was delivered.',
    cure: 'Read the message: usually a failing disk or a lost network file system.',
  },
  ERR_CONNECTOR_GZIP: {
    kind: 'connector',
    meaning: 'A compressed input is damaged or ends too early; what came before was delivered.',
    cure: 'Fetch the file again, and test it with `gzip -t`.',
  },
  ERR_CONNECTOR_ZSTD: {
    kind: 'connector',
    meaning: 'An input that is compressed with zstd is damaged or ends too early; what came before was delivered.',
    cure: 'Fetch the file again, and test it with `zstd -t`.',
  },
  ERR_CONNECTOR_SHAPE: {
    kind: 'connector',
    meaning:
      'An input is not the array, or the row of objects, that it was read as, or ends too early; what came before was delivered.',
    cure: 'Look at the line and byte that the message names; if the input is something else, say so with `--input-format` or `stdin.format`.',
  },
  ERR_CONNECTOR_CREATE: {
    kind: 'connector',
    meaning: 'An output cannot be created or opened.',
    cure: 'Check that its folder exists and may be written to. A pipeline that lacks room or descriptors waits for them.',
  },
  ERR_CONNECTOR_WRITE: {
    kind: 'connector',
    meaning: 'Writing an output failed; a file that was to be replaced is as it was.',
    cure: 'Read the message: usually a full disk. Make room and run again.',
  },
  ERR_CONNECTOR_TRIAL: {
    kind: 'connector',
    meaning:
      'A batch could not be evaluated, and neither could its records one by one: the process for it did not start, or too many of them end it. Nothing of the batch is acknowledged; it is tried again.',
    cure: 'Read the message: usually a rule file that was changed and cannot be read, rules whose patterns take too much, or a lack of memory or processes.',
  },
  ERR_CONNECTOR_CLOSED: {
    kind: 'connector',
    meaning: 'The reader of an output went away before the end.',
    cure: 'None is needed when that was meant, as in `weir filter … | head`.',
  },
  ERR_CONNECTOR_LOCKED: {
    kind: 'connector',
    meaning: 'A folder for output or a state file belongs to another process, or to another part of this one.',
    cure: 'End the process that the message names, or give each output a folder and each input a state file of its own.',
  },
  ERR_CONNECTOR_JOURNAL: {
    kind: 'connector',
    meaning:
      'The journal of a folder for output is missing, damaged or of another version, or a file lacks bytes that it counts. Nothing was changed.',
    cure: 'Read the message, which names the file; `docs/directory.md` says what to do about each. To begin anew, give the output an empty folder.',
  },
  ERR_CONNECTOR_STATE: {
    kind: 'connector',
    meaning: 'The state file of an input that is followed cannot be read or written, or is of another input.',
    cure: 'Read the message. Give every input a state file of its own; without one the input is read from where `from` says.',
  },
  ERR_KAFKA_CONNECT: {
    kind: 'kafka',
    meaning: 'No broker can be reached, or a connection was lost.',
    cure: 'Check the addresses and the network; it is tried again. Where TLS is meant, check that the port speaks it.',
  },
  ERR_KAFKA_TIMEOUT: {
    kind: 'kafka',
    meaning: 'A broker did not answer in time.',
    cure: 'None is needed where it passes. Otherwise look at the load and the logs of the brokers.',
  },
  ERR_KAFKA_AUTH: {
    kind: 'kafka',
    meaning: 'The brokers refuse the user, the password or the certificate, or theirs is not trusted.',
    cure: 'Mend the password file or the certificates; new connections use what stands there then.',
  },
  ERR_KAFKA_ACL: {
    kind: 'kafka',
    meaning: 'The user may not do what the message names.',
    cure: 'Give the user the right to it; docs/errors.md says at the end which rights are needed.',
  },
  ERR_KAFKA_FENCED: {
    kind: 'kafka',
    meaning: 'Another process owns the transactional id by now, or the transaction took too long and was given up.',
    cure: 'None is needed: who reads the partition takes it over again. Where it goes on, two pipelines share a group and a topic.',
  },
  ERR_KAFKA_TRANSACTION: {
    kind: 'kafka',
    meaning: 'The brokers refuse a step of a transaction, because of the state that it is in.',
    cure: 'None is needed where it passes: the partition is taken over again.',
  },
  ERR_KAFKA_MEMBERSHIP: {
    kind: 'kafka',
    meaning: 'The process is no member of its consumer group any more, or the group is being divided anew.',
    cure: 'None is needed: it joins again. Where it goes on, batches take longer than the session.',
  },
  ERR_KAFKA_GROUP: {
    kind: 'kafka',
    meaning:
      'The consumer group cannot be used as it is: it has members that divide it differently, or members where there must be none.',
    cure: 'Give the pipeline a group of its own, or stop whoever uses the group.',
  },
  ERR_KAFKA_TOPIC: {
    kind: 'kafka',
    meaning: 'A topic does not exist, has no leader, or is not as it must be.',
    cure: 'Make or change the topic as the message says, or let the service do it, with `topics: create`.',
  },
  ERR_KAFKA_REPLICAS: {
    kind: 'kafka',
    meaning: 'Too few replicas of a partition are in sync.',
    cure: 'Bring the brokers back that are away; it is tried again.',
  },
  ERR_KAFKA_SIZE: {
    kind: 'kafka',
    meaning: 'A record or a batch is larger than the limits allow, as it is or inflated.',
    cure: 'Read the message, which names the limit. What stands in a topic has to be passed by, with `weir offsets set`.',
  },
  ERR_KAFKA_KEY: {
    kind: 'kafka',
    meaning: 'A record has a key of four zero bytes, which clients take for the end of an aborted transaction.',
    cure: 'Give the record another key.',
  },
  ERR_KAFKA_CRC: {
    kind: 'kafka',
    meaning: 'A batch of records came damaged: its checksum is wrong.',
    cure: 'Look at the disks of the broker and at the network. If it goes on, the batch is damaged in the topic.',
  },
  ERR_KAFKA_CODEC: {
    kind: 'kafka',
    meaning:
      'A batch is in a form that cannot be read: compressed other than with gzip, of an old version, or malformed.',
    cure: 'Have the producer of the topic compress with gzip or not at all, and pass the batch by with `weir offsets set`.',
  },
  ERR_KAFKA_OFFSET: {
    kind: 'kafka',
    meaning: 'The offset of the group is outside of what the topic holds.',
    cure: 'Look at the retention of the topic; then say where to go on, with `weir offsets set`. There is no default.',
  },
  ERR_KAFKA_ANSWER: {
    kind: 'kafka',
    meaning: 'A broker acknowledged something else than what was sent.',
    cure: 'Look at the logs of the brokers. The partition is taken over again.',
  },
  ERR_KAFKA_DISCARDED: {
    kind: 'kafka',
    meaning: 'A producer was asked again after it failed or was given up, or a cluster that was closed.',
    cure: 'None is needed: a new one takes its place.',
  },
  ERR_KAFKA_REQUEST: {
    kind: 'kafka',
    meaning: 'The brokers refuse a request, for the reason that the message names.',
    cure: 'Read the message.',
  },
  ERR_KAFKA_LIBRARY: {
    kind: 'kafka',
    meaning: 'The client library is not installed, or not of the version that is mended here.',
    cure: 'Install the service anew, with the versions that it names.',
  },
  ERR_S3_CONNECT: {
    kind: 's3',
    meaning: 'The store cannot be reached, or a connection was lost.',
    cure: 'Check the endpoint, `http` or `https` included, and the network; it is tried again.',
  },
  ERR_S3_TIMEOUT: {
    kind: 's3',
    meaning: 'The store did not answer in time.',
    cure: 'None is needed where it passes. Otherwise look at the store, and at what the way to it carries.',
  },
  ERR_S3_BUSY: {
    kind: 's3',
    meaning: 'The store has too much to do, or limits how often it is asked (429, 503).',
    cure: 'None is needed where it passes; it is tried again, later and later.',
  },
  ERR_S3_SERVER: {
    kind: 's3',
    meaning: 'The store failed: an answer of 5xx, or one of 200 with an error inside.',
    cure: 'None is needed where it passes. Otherwise ask whoever runs the store.',
  },
  ERR_S3_CREDENTIALS: {
    kind: 's3',
    meaning: 'The store does not know the access key, or the secret does not belong to it; or there is no key at all.',
    cure: 'Mend the file that `credentials` names, which is read again when it changes, or name one.',
  },
  ERR_S3_DENIED: {
    kind: 's3',
    meaning: 'The access key may not do what the message names.',
    cure: 'Give it the rights to write, read and list objects below the prefix; it is tried again.',
  },
  ERR_S3_BUCKET: {
    kind: 's3',
    meaning: 'There is no such bucket.',
    cure: 'Make the bucket, or mend its name; it is tried again.',
  },
  ERR_S3_REGION: {
    kind: 's3',
    meaning: 'The bucket is in another region than requests are signed for.',
    cure: 'Set `region` to the one that the message names.',
  },
  ERR_S3_CLOCK: {
    kind: 's3',
    meaning: 'The clock of this machine and that of the store differ too much.',
    cure: 'Set the clock; it is tried again.',
  },
  ERR_S3_CONFLICT: {
    kind: 's3',
    meaning:
      'An object cannot be written because of others in the bucket: one whose name is a folder of its name, or one that holds some of its records.',
    cure: 'Read the message. Give the output a prefix of its own; or, where the group stands within an object, use `weir archive resume`.',
  },
  ERR_S3_FOREIGN: {
    kind: 's3',
    meaning: 'An object stands where one is to be written, and holds something else. It is left as it is.',
    cure: 'Find out who wrote the object that the message names. Move it away, or give the output a prefix of its own.',
  },
  ERR_S3_CUT: {
    kind: 's3',
    meaning:
      'An object that is there begins with the same record and ends with another: another process has written it.',
    cure: 'None is needed: it is read again and taken over. Where it goes on, two processes archive one topic.',
  },
  ERR_S3_REQUEST: {
    kind: 's3',
    meaning: 'The store refuses a request, for the reason that the message names.',
    cure: 'Read the message.',
  },
} as const satisfies Record<string, ErrorCodeRow>

/** A code of the table. */
export type ErrorCode = keyof typeof errorCodes
