// Changing single settings of a pipeline in the text of a file: every byte that is not about them stays.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readDocument } from '#src/config/document.js'
import { withPipelineValues } from '#src/config/edit.js'

const values = { threads: 4, batchBytes: '1MiB' } as const

function edited(text: string, given: Readonly<Record<string, number | string>> = values, pipeline = 'edge'): string {
  const result = withPipelineValues(text, pipeline, given)
  assert.ok('text' in result, JSON.stringify(result))
  const { pipelines } = readDocument(result.text).value as { pipelines: Record<string, Record<string, unknown>> }
  for (const [name, value] of Object.entries(given)) assert.equal(pipelines[pipeline]?.[name], value, result.text)
  return result.text
}

const commented = `# The settings of the edge.
pipelines:
  other: { source: { stdin: {} }, routes: { keep: { stdout: {} } } } # untouched
  edge:
    # Where records come from.
    source:
      http: { listen: '127.0.0.1:9880' }   # spaces stay

    threads: 2 # why two
    routes:
      keep:
        directory: { path: "keep" }

      drop:
        discard: {}
    # A comment behind the last entry.

# The admin port.
admin:
  listen: none
`

test('a value is exchanged where it stands, a new one is put behind the last entry; comments, quotes and lines stay', () => {
  assert.equal(
    edited(commented),
    commented
      .replace('threads: 2 #', 'threads: 4 #')
      .replace('        discard: {}\n', '        discard: {}\n    batchBytes: 1MiB\n'),
  )
})

test('what is set already leaves the text as it is', () => {
  const text = edited(commented)
  assert.equal(edited(text), text)
})

test('flow style, JSON, and every way in which a group may end', () => {
  for (const [before, after] of [
    ['pipelines: { edge: { rules: r.yaml } }', 'pipelines: { edge: { rules: r.yaml, threads: 4, batchBytes: 1MiB } }'],
    [
      'pipelines: { edge: { rules: r.yaml, } }',
      'pipelines: { edge: { rules: r.yaml, threads: 4, batchBytes: 1MiB, } }',
    ],
    ['{"pipelines":{"edge":{"threads":1}}}', '{"pipelines":{"edge":{"threads":4, "batchBytes": "1MiB"}}}'],
    [
      'pipelines:\n  edge:\n    rules: r.yaml',
      'pipelines:\n  edge:\n    rules: r.yaml\n    threads: 4\n    batchBytes: 1MiB',
    ],
    [
      'pipelines:\n  edge:\n    rules:\n      text: |\n        version: 1\n\n        # rule\n\nlog: { level: warn }\n',
      'pipelines:\n  edge:\n    rules:\n      text: |\n        version: 1\n\n        # rule\n    threads: 4\n    batchBytes: 1MiB\n\nlog: { level: warn }\n',
    ],
    [
      'pipelines:\n  edge:\n    hosts:\n    - a\n    - b # b\n# end\n',
      'pipelines:\n  edge:\n    hosts:\n    - a\n    - b # b\n    threads: 4\n    batchBytes: 1MiB\n# end\n',
    ],
    [
      'pipelines:\n  edge:\n    threads:\n    rules: r\n',
      'pipelines:\n  edge:\n    threads: 4\n    rules: r\n    batchBytes: 1MiB\n',
    ],
    [
      'pipelines:\n  edge:\n    rules: # none\n',
      'pipelines:\n  edge:\n    rules: # none\n    threads: 4\n    batchBytes: 1MiB\n',
    ],
  ] as const) {
    assert.equal(edited(before), after)
  }
})

test('a file with Windows line ends keeps them', () => {
  const text = edited('pipelines:\r\n  edge:\r\n    rules: r\r\nlog: {}\r\n')
  assert.equal(text, 'pipelines:\r\n  edge:\r\n    rules: r\r\n    threads: 4\r\n    batchBytes: 1MiB\r\nlog: {}\r\n')
})

test('what stands for several pipelines, or for none, is not changed', () => {
  for (const [text, message] of [
    ['a: &a { rules: r }\npipelines: { edge: *a }', /`edge` stands for a part that is written elsewhere \(\*a\)/],
    ['p: &p { edge: { rules: r } }\npipelines: *p', /`pipelines` stands for a part/],
    ['pipelines: { other: {} }', /There is no `edge`/],
    ['pipelines: { edge: }', /is empty/],
    ['log: {}', /There is no `pipelines`/],
  ] as const) {
    const result = withPipelineValues(text, 'edge', values)
    assert.match('problem' in result ? result.problem : '', message)
  }
})
