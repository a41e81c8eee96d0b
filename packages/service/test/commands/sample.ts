// A small rule set, and lines whose outcome under it is written down by hand; and how they are run. Used by tests of
// the command.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'

import { folder, weir } from '../running.js'
import type { Finished } from '../running.js'

/** Keeps failures, sends slow requests to a route of their own, and drops the rest. */
export const rules = `
version: 1
missing: ["-"]
default: drop
rules:
  - id: failures
    when: { field: status, matches: "5\\\\d\\\\d" }
    then: keep
  - id: slow
    when: { field: ms, gte: 500 }
    then: { route: slow }
tests:
  - { name: a failure, record: { status: 503 }, expect: keep, rule: failures }
  - { name: a slow answer, record: { status: "200", ms: "0700" }, expect: slow }
  - { name: no time at all, record: { ms: "-" }, expect: drop, rule: default }
`

/** One outcome a line, in the order of the input. */
const outcomes = {
  kept: ['{"status":"503","ms":"3"}\n', '{"ms":9000,"status":500}\r\n'],
  slow: ['{"status":"200","ms":"0500"}\n'],
  dropped: ['{"status":"200","ms":"499"}\n', '{"status":"5033"}\n', '{}\n'],
  malformed: ['{"status":"200",}\n', 'null\n'],
}

/** The lines of each outcome, and all of them mixed. */
export const lines = {
  kept: outcomes.kept.join(''),
  slow: outcomes.slow.join(''),
  dropped: outcomes.dropped.join(''),
  malformed: outcomes.malformed.join(''),
  all: [
    outcomes.dropped[0],
    outcomes.kept[0],
    outcomes.malformed[0],
    outcomes.slow[0],
    outcomes.dropped[1],
    outcomes.kept[1],
    outcomes.malformed[1],
    outcomes.dropped[2],
  ].join(''),
}

/** Returns the object that `--json` wrote, which must be the only line on standard error. */
export function readSummary({ stderr }: Finished): Record<string, unknown> {
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  return JSON.parse(stderr) as Record<string, unknown>
}

/** Returns a folder with the rule set, as `rules.yaml`, and these files. */
export async function prepare(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  ruleText = rules,
): Promise<string> {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), ruleText)
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content)
  return directory
}

/** Runs `weir filter` by `rules.yaml`. `args`: with single spaces between them. */
export function filter(args: string, cwd: string, stdin?: string | Uint8Array): Promise<Finished> {
  return weir(['filter', '--rules', 'rules.yaml', ...args.split(' ').filter((arg) => arg !== '')], {
    cwd,
    ...(stdin === undefined ? {} : { stdin }),
  })
}
