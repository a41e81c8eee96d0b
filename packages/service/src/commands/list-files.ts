// Finds the list files that a rule file names, so that no output replaces one. Looks cheaply first: the engine has read
// the rules already, and compiling them once more, with lists of a million entries, is for the rare suspicion.
// Called by outputs.ts.

import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'

import { compileRules } from '@weir/engine'
import type { Condition } from '@weir/engine'

import { fileIdentity } from '../sinks/target.ts'

/**
 * Returns the list files of a rule file by identity, each with its path. Empty unless one of them seems to have an
 * identity of `suspects`. Never throws: rules that cannot be read are reported by the engine.
 */
export function listFilesAmong(suspects: ReadonlySet<string>, rulesFile: string): ReadonlyMap<string, string> {
  const none = new Map<string, string>()
  try {
    // A pipe has been read to its end.
    if (!statSync(rulesFile).isFile()) return none
    const directory = path.dirname(rulesFile)
    const mentioned = identities(mentionedFiles(readFileSync(rulesFile, 'utf8')), directory)
    if (![...mentioned.keys()].some((identity) => suspects.has(identity))) return none
    // What looks like a list file may be a part of a test's record: the engine knows.
    return identities(listFilesOf(compileRules(rulesFile).ruleSet.rules.map(({ when }) => when)), directory)
  } catch {
    return none
  }
}

/** What stands behind `file:` anywhere in the text of a rule file. Names too much; misses only YAML's block texts. */
function mentionedFiles(text: string): string[] {
  const value = /\bfile["']?\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s"'][^\n,}]*))/g
  return [...text.matchAll(value)].map(([, quoted, single, plain = '']) => {
    if (quoted !== undefined) return unescaped(quoted)
    return single === undefined ? plain.replace(/\s#.*$/, '').trim() : single.replaceAll("''", "'")
  })
}

/** The escapes of JSON; of those that YAML has besides, paths have none. */
function unescaped(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string
  } catch {
    return quoted
  }
}

function listFilesOf(conditions: readonly Condition[]): string[] {
  return conditions.flatMap((condition) => {
    if ('all' in condition) return listFilesOf(condition.all)
    if ('any' in condition) return listFilesOf(condition.any)
    if ('not' in condition) return listFilesOf([condition.not])
    return Object.values(condition).flatMap((operand: unknown) =>
      typeof operand === 'object' && operand !== null && 'file' in operand ? [String(operand.file)] : [],
    )
  })
}

function identities(files: readonly string[], directory: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of files) {
    const stats = statSync(path.resolve(directory, file), { throwIfNoEntry: false })
    const identity = stats === undefined ? undefined : fileIdentity(stats)
    if (identity !== undefined) found.set(identity, file)
  }
  return found
}
