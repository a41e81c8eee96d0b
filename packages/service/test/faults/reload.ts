// The fault `reload`: rules are replaced under load in each way there is, good ones and bad ones. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'
import type { Served } from './served.js'

const rounds = { reduced: 1, full: 10 }

/** Rules that send every record to one place, so that a batch that was judged by two would show in its counts. */
const textOf = (place: 'keep' | 'drop', id: string) =>
  `version: 1\ndefault: ${place}\nrules:\n  - { id: ${id}, when: { field: none, exists: true }, then: ${place} }\n`
const badTexts = [
  'version: 1\ndefault: keep\nrules: [',
  'version: 1\ndefault: keep\nrules:\n  - { id: a, when: { field: n, search: "(" }, then: drop }\n',
  'version: 1\ndefault: keep\nrules:\n  - { id: a, when: { field: n, exists: true }, then: { route: nowhere } }\n',
]

/** Replaces the rule file as an editor does, so that nobody reads half of it. */
async function replaceFile(served: Served, text: string): Promise<void> {
  const file = path.join(served.folder, 'rules.yaml')
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

/** Has the rule file be a link by way of a folder that is swapped, as a mounted volume is. */
async function swapFolder(served: Served, text: string, name: string): Promise<void> {
  const { folder } = served
  await mkdir(path.join(folder, name))
  await writeFile(path.join(folder, name, 'rules.yaml'), text)
  await symlink(name, path.join(folder, 'current.new'))
  await rename(path.join(folder, 'current.new'), path.join(folder, 'current'))
  await rm(path.join(folder, 'link'), { force: true })
  await symlink(path.join('current', 'rules.yaml'), path.join(folder, 'link'))
  await rename(path.join(folder, 'link'), path.join(folder, 'rules.yaml'))
}

async function versionOf(served: Served): Promise<string> {
  const { pipelines } = JSON.parse((await served.ask('/api/status')).text) as {
    pipelines: { ruleSetVersion: string }[]
  }
  return pipelines[0]!.ruleSetVersion
}

/** Resolves when other rules are in force. */
async function changedFrom(served: Served, version: string): Promise<void> {
  await eventually('the new rules are in force', async () => (await versionOf(served)) !== version)
}

async function post(served: Served, text: string): Promise<number> {
  return (await served.ask('/api/rules', text, { 'Content-Type': 'application/yaml' })).status
}

/** Puts rules in force in each way, and tries bad ones in between. */
async function round(served: Served, load: Load, name: string): Promise<void> {
  const byFile = await versionOf(served)
  await replaceFile(served, textOf('drop', `${name}-file`))
  await changedFrom(served, byFile)
  await load.more(3)
  for (const bad of badTexts) {
    const before = await versionOf(served)
    assert.equal(await post(served, bad), 422)
    await replaceFile(served, bad)
    assert.equal((await served.ask('/api/rules/reload', '')).status, 422)
    assert.equal(await versionOf(served), before)
  }
  assert.equal(await post(served, textOf('keep', `${name}-posted`)), 200)
  await load.more(3)
  const byLink = await versionOf(served)
  await swapFolder(served, textOf('drop', `${name}-link`), `${name}-1`)
  await changedFrom(served, byLink)
  const bySwap = await versionOf(served)
  await swapFolder(served, textOf('keep', `${name}-swapped`), `${name}-2`)
  await changedFrom(served, bySwap)
  await load.more(3)
}

/** Batches whose counts do not go with a single version of the rules. */
function mixedBatches(served: Served): string[] {
  const routeOf = new Map<unknown, string>()
  const faults: string[] = []
  for (const { msg, version, records, kept, dropped } of served.log) {
    if (msg !== 'A batch is safe.' || records === 0) continue
    const route = kept === records ? 'keep' : dropped === records ? 'drop' : 'both'
    const known = routeOf.get(version) ?? route
    routeOf.set(version, known)
    if (route === 'both' || route !== known)
      faults.push(`A batch of version ${String(version)} was judged by others too.`)
  }
  if (routeOf.size < 4) faults.push(`Batches were judged by only ${routeOf.size} versions.`)
  return faults
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { rules: textOf('keep', 'start') })
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const next = () => ledger.body(1 + random.below(100), ['keep', 'drop'])
  const load = new Load(served, random).start({ senders: 4, next })
  try {
    for (let index = 0; index < rounds[scale]; index++) await round(served, load, `round-${index}`)
  } finally {
    await load.stop()
  }
  await replaceFile(served, textOf('keep', 'end'))
  assert.equal((await served.ask('/api/rules/reload', '')).status, 200)
  assert.equal(await new Load(served, random).deliver(next()), 200)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  const figures = judge(ledger, await readOutputs(served.outputs))
  return { ...figures, faults: [...figures.faults, ...mixedBatches(served)] }
}

/** See `what`. */
export const reload: Fault = {
  name: 'reload',
  what: 'replaces rules under load, by file, link and post: one version for each batch, bad ones refused, nothing lost',
  run,
}
