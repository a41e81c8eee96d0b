// Contenders of the model *compile*: from the text of a rule set to something that can decide. Weir's two steps, and
// the closures that the contender JSON.parse + RegExp decides with. No record is read within the time.

import { readFileSync } from 'node:fs'
import { EngineError } from '@weir/engine'
import { prepareCompileRun, prepareKernelRun } from '@weir/engine/testing'
import type { CompileRun } from '@weir/engine/testing'
import type { Answer, Contender, Prepared, Skipped, Task } from '../contender.ts'
import { digest } from '../expected.ts'
import { compileDecider } from './compiled-rules.ts'
import { compileField, compilePattern, jsonParse } from './json-parse.ts'

/** From the text to the program that all workers share. */
export const compileProgram: Contender = compileContender(
  'compile',
  'Weir, text to program',
  'JSON text of the rule set to a program: read, checked, patterns tried, lists ordered',
  (run) => {
    run.compile()
    return () => {}
  },
)

/** From the program to a kernel that can evaluate. */
export const loadProgram: Contender = compileContender(
  'load',
  'Weir, program to native kernel',
  'a program to a native kernel that can evaluate: patterns compiled, as in each worker',
  (run) => run.load(),
)

function compileContender(id: string, label: string, how: string, work: (run: CompileRun) => () => void): Contender {
  const open = async ({ case: { rules }, input }: Task): Promise<Prepared | Skipped> => {
    try {
      const text = { text: JSON.stringify(rules), format: 'json' } as const
      const run = await prepareCompileRun(text, { kernel: 'native' })
      const answer = async (): Promise<Answer> => {
        const evaluation = await prepareKernelRun(text, readFileSync(input.path), { kernel: 'native' })
        evaluation.evaluate()
        const { kept, byRule, byDefault } = evaluation.counts()
        const sha256 = digest(evaluation.kept())
        evaluation.release()
        return { kept, sha256, byRule: [...byRule, byDefault] }
      }
      return { how, run: async () => ({ ...timed(() => work(run)), answer }), close: async () => {} }
    } catch (error) {
      if (error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_UNAVAILABLE')
        return { skipped: error.message }
      throw error
    }
  }
  return { id, label, model: 'compile', threads: 1, open }
}

/** Times the work, and undoes it off the clock. */
function timed(work: () => () => void): { seconds: number } {
  const started = process.hrtime.bigint()
  const undo = work()
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  undo()
  return { seconds }
}

/** The closures of JSON.parse + RegExp; V8 compiles a pattern later, when it is first tried. */
export const compileClosures: Contender = {
  id: 'compile-closures',
  label: 'JSON.parse + RegExp, text to closures',
  model: 'compile',
  threads: 1,
  open: async (task) => {
    const opened = await jsonParse.open(task)
    if ('skipped' in opened) return opened
    const text = JSON.stringify(task.case.rules)
    return {
      how: 'JSON.parse of the rule set, a closure for each rule; RegExp compiles when it is first tried',
      run: async () => ({
        ...timed(() => {
          compileDecider(JSON.parse(text) as typeof task.case.rules, { compileField, compilePattern })
          return () => {}
        }),
        answer: async () => (await opened.run()).answer(),
      }),
      close: () => opened.close(),
    }
  },
}
