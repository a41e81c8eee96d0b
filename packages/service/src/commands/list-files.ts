// Finds the list files that a rule file names, so that no output replaces one. Looks cheaply first: the engine has read
// the rules already, and compiling them once more, with lists of a million entries, is for the rare suspicion.
// Called by outputs.ts.

import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'

import { compileRules } from '@weir/engine'

import { listFilesOf, mentionedFiles } from '../config/list-files.ts'
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
    return identities(listFilesOf(compileRules(rulesFile).ruleSet), directory)
  } catch {
    return none
  }
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
