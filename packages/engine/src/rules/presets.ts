// The fields of Akamai DataStream 2 records, in documented order, against which field names are checked for slips.
// A slip is a warning, never an error: other records have other fields. Called by plan.ts.

import { nearest } from './issues.ts'

/** Keys of DataStream 2 records. */
export const dataStream2Fields: readonly string[] = (
  'version streamId cp reqId reqTimeSec bytes cliIP statusCode proto reqHost reqMethod reqPath reqPort rspContentLen ' +
  'rspContentType UA tlsOverheadTimeMSec tlsVersion objSize uncompressedSize overheadBytes totalBytes queryStr ' +
  'breadcrumbs accLang cookie range referer xForwardedFor maxAgeSec reqEndTimeMSec errorCode turnAroundTimeMSec ' +
  'transferTimeMSec dnsLookupTimeMSec lastByte edgeIP country state city serverCountry billingRegion cacheStatus ' +
  'securityRules ewUsageInfo ewExecutionInfo customField cacheable cacheRefreshSrc isMidgress fileSizeBucket ' +
  'edgeAttempts asn timeToFirstByte throughput downloadTime deliveryType deliveryFormat deliveryPolicyId ' +
  'deliveryPolicyReqStatus downloadInitiated downloadsCompleted mediaEncryption prefetchMidgressHits edgeIPBinding ' +
  'cmcd startupError contentProtectionInfo arlid tlsEarlyData'
).split(' ')

/** Names that logs of other kinds use, though they look like slips of the fields above. */
const commonFields: ReadonlySet<string> = new Set(
  (
    'status stats stage static host path time level message msg method user name type url uri agent address ip id ' +
    'port size date code error source target service region zone size_bytes referrer Referer Cookie Range Version ' +
    'Bytes Country City State byte route ranges cookies states cities countries protocol total_bytes bytes_sent ' +
    'user_agent request response duration latency event timestamp tag tags host_name hostname pid level ' +
    'sate client server region_name asset cache cached query'
  ).split(' '),
)

const known: ReadonlySet<string> = new Set(dataStream2Fields)

/** Returns the DataStream 2 field that `name` is probably a slip of. */
export function probableField(name: string): string | undefined {
  // The names of DataStream 2 are letters and digits; `status_code` belongs to other logs.
  if (known.has(name) || commonFields.has(name) || !/^[A-Za-z0-9]+$/.test(name)) return undefined
  const close = nearest(name, dataStream2Fields)
  if (close === undefined) return undefined
  // Short names are close to each other by chance.
  return name.length >= 6 || close.toLowerCase() === name.toLowerCase() ? close : undefined
}
