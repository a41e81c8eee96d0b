// Who is measured beside whom: units, whose contenders share rounds. A unit is a case, or several that a target compares
// with each other; all of its models are in it, so that every ratio is one of moments that lie close together. Measures
// nothing; called by main.ts.

import type { BenchmarkCase } from './cases.ts'
import type { Contender } from './contender.ts'
import type { RunOptions } from './options.ts'
import { comparedCases, isTargeted, startCase } from './targets.ts'

/** A contender in a case. */
export interface Pair {
  readonly case: BenchmarkCase
  readonly contender: Contender
}

/** Pairs that share rounds. */
export interface Unit {
  /** The names of its cases, joined by a comma. */
  readonly name: string
  readonly cases: readonly BenchmarkCase[]
  readonly pairs: readonly Pair[]
}

/**
 * Returns the units of a run, in the order of the cases. A quick run that is told neither cases nor contenders has those
 * that targets are about.
 */
export function planUnits(
  cases: readonly BenchmarkCase[],
  contenders: readonly Contender[],
  { isQuick, only, cases: named }: Pick<RunOptions, 'isQuick' | 'only' | 'cases'>,
): Unit[] {
  const isShort = isQuick && only.length === 0 && named.length === 0
  const units: Unit[] = []
  const compiled = new Set<string>()
  for (const group of groupsOf(cases)) {
    const pairs = group.flatMap((each) => {
      const rules = JSON.stringify(each.rules)
      const isNew = !compiled.has(rules)
      compiled.add(rules)
      const isWanted = isShort ? wantedOf(each, contenders) : () => true
      return contenders
        .filter((contender) => takesPart(each, contender, isNew) && isWanted(contender))
        .map((contender) => ({ case: each, contender }))
    })
    const present = group.filter((each) => pairs.some((pair) => pair.case === each))
    if (pairs.length > 0) units.push({ name: present.map(({ name }) => name).join(','), cases: present, pairs })
  }
  return units
}

/** Tells which contenders a short run has in a case; compiling is soon done, and goes with any other. */
function wantedOf({ name }: BenchmarkCase, contenders: readonly Contender[]): (contender: Contender) => boolean {
  const isAny = contenders.some((contender) => isTargeted(name, contender))
  return (contender) => (contender.model === 'compile' ? isAny : isTargeted(name, contender))
}

/** What is about the form of an input, and not about what its records are like. */
const otherForms = new Set(['weir-2-array', 'weir-2-array-pipe', 'weir-2-gzip', 'inflate'])

/**
 * Cases with the same rules differ in their inputs, which compiling does not read; other forms are measured on ordinary
 * records, and starting once.
 */
function takesPart({ name, input }: BenchmarkCase, { model, id }: Contender, hasNewRules: boolean): boolean {
  if (model === 'compile') return hasNewRules
  if (model === 'start') return name === startCase
  return input.generator === 'ds2' || !otherForms.has(id)
}

function groupsOf(cases: readonly BenchmarkCase[]): BenchmarkCase[][] {
  const compared = comparedCases()
  const groups = new Map<string, BenchmarkCase[]>()
  for (const each of cases) {
    const key = compared.get(each.name) ?? each.name
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  return [...groups.values()]
}
