// Whether the files of keys that outputs in S3 name hold any: read and parsed, and no store is asked whether it knows them.
// Called by `weir serve` and `weir config check`, which judge alike.

import type { LoadedSettings } from '../config/load.ts'
import { formatPath } from '../config/outline.ts'
import { s3OutputsOf } from '../config/s3-checks.ts'
import type { SettingsIssue } from '../errors.ts'
import { findKeysFault } from '../s3/credentials.ts'

/** Returns what is wrong with the files of keys of these pipelines, each at its place in the file. Quotes nothing of them. */
export async function checkKeys(loaded: LoadedSettings, pipelines: readonly string[]): Promise<SettingsIssue[]> {
  const issues: SettingsIssue[] = []
  for (const { path, s3 } of s3OutputsOf(loaded.settings)) {
    if (s3.credentials === undefined || !pipelines.includes(String(path[1]))) continue
    const fault = await findKeysFault(s3.credentials)
    if (fault === undefined) continue
    const { message, line, cure } = fault
    const place = line === undefined ? {} : { line, column: 1 }
    issues.push({
      path: formatPath([...path, 'credentials']),
      message: `The file holds no keys that can be used: ${message}.`,
      suggestion: cure,
      file: s3.credentials,
      ...place,
    })
  }
  return issues
}
