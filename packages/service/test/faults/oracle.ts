// The oracle: reads the outputs of a service that has ended as anybody could who knows only their names, and holds them
// against what was sent. Independent of the service's own code. Called by faults.

import { spawnSync } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

import type { Figures } from './fault.js'
import { routes } from './ledger.js'
import type { Body, Ledger, Place, PostedRecord } from './ledger.js'

/** One line that lies somewhere. */
export interface Found {
  readonly place: Place
  readonly text: string
}

/** What lies in the outputs, in the order in which it was written; and lines that nobody could read. */
export interface Outputs {
  readonly found: readonly Found[]
  readonly faults: readonly string[]
}

/** Reads every output of a service that has ended. */
export async function readOutputs(folder: string): Promise<Outputs> {
  const found: Found[] = []
  const faults: string[] = []
  for (const place of routes) {
    for (const text of await linesOf(path.join(folder, place), faults)) {
      if (!isObject(text)) faults.push(`A line on the route ${place} is no record: ${text.slice(0, 80)}`)
      found.push({ place, text })
    }
  }
  for (const text of await linesOf(path.join(folder, 'dead-letter'), faults)) {
    if (!isObject(text)) {
      faults.push(`A line of the dead letters is none: ${text.slice(0, 80)}`)
      continue
    }
    const { reason, data = '' } = JSON.parse(text) as { reason: Place; data?: string }
    const bytes = Buffer.from(data, 'base64')
    // A body that was set aside whole is one piece, whatever it holds.
    const records = reason === 'quarantine' ? [bytes.toString('latin1')] : bytes.toString().split('\n')
    for (const record of records.filter((each) => each !== '')) found.push({ place: reason, text: record })
  }
  return { found, faults }
}

/** Lines of all files of an output, in the order of the numbers in their names. */
async function linesOf(folder: string, faults: string[]): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.ndjson(\.gz)?$/.test(name))
  const lines: string[] = []
  for (const name of names.sort((a, b) => numberOf(a) - numberOf(b))) {
    const file = path.join(folder, name)
    const bytes = await readFile(file)
    const isCompressed = name.endsWith('.gz')
    if (isCompressed && spawnSync('gzip', ['-t', file]).status === 1) faults.push(`gzip -t finds ${file} damaged.`)
    const text = (isCompressed && bytes.length > 0 ? inflated(file, bytes, faults) : bytes).toString()
    if (text !== '' && !text.endsWith('\n')) faults.push(`The last line of ${file} is not whole.`)
    for (const line of text.split('\n')) if (line !== '') lines.push(line)
  }
  return lines
}

function inflated(file: string, bytes: Buffer, faults: string[]): Buffer {
  try {
    return gunzipSync(bytes)
  } catch (error) {
    faults.push(`${file} cannot be inflated: ${(error as Error).message}`)
    return Buffer.alloc(0)
  }
}

function numberOf(name: string): number {
  return Number(/-(\d+)\.ndjson/.exec(name)?.[1])
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** Most sentences of one kind: the first of them tell enough. */
const mostFaults = 20

/**
 * Holds outputs against the ledger. A fault is: a record of an answered body that is nowhere; one that is there more often than its
 * body was sent; one that was never sent, or was changed, or lies in a wrong place; records of a body out of order, or with a gap
 * between them.
 */
export function judge(ledger: Ledger, outputs: Outputs): Figures {
  const faults = [...outputs.faults]
  const records = new Map(
    ledger.bodies.flatMap((body) => body.records.map((record, index) => [record.id, { body, record, index }] as const)),
  )
  const foundOf = new Map<Body, { readonly index: number; readonly place: Place }[]>()
  const counts = new Map<string, number>()
  for (const { place, text } of outputs.found) {
    if (place === 'quarantine') continue
    const known = records.get(/^\{"id":"([^"]+)"/.exec(text)?.[1] ?? '')
    if (known === undefined || known.body.sent === 0) {
      faults.push(`On ${place} lies what was never sent: ${text.slice(0, 80)}`)
      continue
    }
    const { body, record, index } = known
    const fault = misplaced(record, place, text)
    if (fault !== undefined) faults.push(fault)
    counts.set(record.id, (counts.get(record.id) ?? 0) + 1)
    const list = foundOf.get(body) ?? []
    list.push({ index, place })
    foundOf.set(body, list)
  }
  let lost = 0
  let posted = 0
  for (const body of ledger.bodies.filter(({ sent }) => sent > 0)) {
    posted += body.records.length
    faults.push(...disorder(body, foundOf.get(body) ?? []))
    const missing = body.isAnswered ? body.records.filter(({ id }) => !counts.has(id)) : []
    lost += missing.length
    for (const { id } of missing.slice(0, 3)) faults.push(`${id} is lost: its body was answered 200.`)
    for (const { id } of body.records) {
      const count = counts.get(id) ?? 0
      if (count > body.sent) faults.push(`${id} is there ${count} times, and was sent ${body.sent} times.`)
    }
  }
  const answered = ledger.bodies
    .filter(({ isAnswered }) => isAnswered)
    .reduce((sum, body) => sum + body.records.length, 0)
  const twice = [...counts.values()].filter((count) => count > 1).length
  const told = faults.length > mostFaults ? [...faults.slice(0, mostFaults), `… ${faults.length} faults`] : faults
  return { posted, answered, lost, twice, faults: told }
}

function misplaced({ id, text: sent, places }: PostedRecord, place: Place, text: string): string | undefined {
  if (!places.includes(place)) return `${id} lies on ${place} instead of ${places.join(' or ')}.`
  return text === sent ? undefined : `${id} was changed: ${text.slice(0, 80)}`
}

/**
 * Each time that a body arrived, its records lie on a place in their order and from the first: the last time they may break off,
 * where the process died.
 */
function disorder(body: Body, found: readonly { readonly index: number; readonly place: Place }[]): string[] {
  const faults: string[] = []
  for (const place of new Set(found.map((each) => each.place))) {
    const isCertain = body.records.every(({ places }) => places.length === 1)
    const wanted = body.records.flatMap(({ places }, index) => (places.includes(place) ? [index] : []))
    let next = 0
    let before = -1
    for (const { index } of found.filter((each) => each.place === place)) {
      if (isCertain && index === wanted[0]) next = 0
      // Where places depend on the rules, only a body that arrived once tells anything.
      if (isCertain ? index !== wanted[next++] : body.sent === 1 && index < before) {
        faults.push(
          `${body.name}.${index} lies on ${place} behind ${body.name}.${before}: out of order, or with a gap.`,
        )
        break
      }
      before = index
    }
  }
  return faults
}
