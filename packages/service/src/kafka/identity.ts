// The name by which a partition of a pipeline is locked.

import type { Target } from './port.ts'

/**
 * Returns the transactional id of a partition of a group: `weir.GROUP.TOPIC.PARTITION`, in which dots and percent signs of
 * the names are escaped, so that no two partitions share one. Nothing of the process or the version is in it: whoever
 * works on the partition next must be able to fence whoever did before.
 */
export function transactionalId(group: string, { topic, partition }: Target): string {
  return ['weir', group, topic, String(partition)].map(escapeDots).join('.')
}

function escapeDots(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('.', '%2e')
}
