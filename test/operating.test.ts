// Holds the pages on metrics and on operating to the code: the table of metrics, what queries and alerts name, the
// refusals of the admin port and its paths.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importCompiled, readText } from './checkout.ts'
import { readMarkdown } from './markdown.ts'

interface Metric {
  readonly type: string
  readonly labels: readonly string[]
  readonly unit: string
  readonly meaning: string
}

const metricsPage = 'docs/metrics.md'
const operatingPage = 'docs/operating.md'

/** Rows of the tables whose head begins with this word, without head and rule. */
function rowsOf(page: string, head: string): (readonly string[])[] {
  const rows = readMarkdown(readText(page)).rows.filter(({ table }) => table === head)
  return rows.map(({ cells }) => cells).filter(([first = '']) => first !== head && !/^[-: ]+$/.test(first))
}

async function metricTable(): Promise<Map<string, Metric>> {
  const compiled = await importCompiled('packages/service/dist/metric-table.js')
  return new Map(Object.entries(compiled['metricTable'] as Record<string, Metric>))
}

test('docs/metrics.md has every metric, in the order of the table, as it is', async () => {
  const table = await metricTable()
  const expected = [...table].map(([name, { type, labels, unit, meaning }]) => {
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), unit, meaning]
  })
  assert.deepEqual(rowsOf(metricsPage, 'Metric'), expected)
})

test('docs/metrics.md explains every label', async () => {
  const explained = rowsOf(metricsPage, 'Label').flatMap(([names = '']) => names.replaceAll('`', '').split(', '))
  const used = new Set([...(await metricTable()).values()].flatMap(({ labels }) => labels))
  // The versions of rules, of the service and of Node, and the name of the kernel, explain themselves.
  for (const plain of ['version', 'node', 'kernel']) used.delete(plain)
  assert.deepEqual(new Set(explained), used)
})

test('queries, alerts and pages name metrics that exist, with labels that they have', async () => {
  const table = await metricTable()
  for (const page of [metricsPage, operatingPage]) {
    const { blocks, codeSpans } = readMarkdown(readText(page))
    const texts = [...blocks, ...codeSpans].map(({ text }) => text).join('\n')
    const named = [...texts.matchAll(/\b((?:weir|process|nodejs)_[a-z0-9_]+)(\{[^}]*\})?/g)]
    for (const [, name = '', selector = ''] of named.filter(([, name]) => name !== 'weir_')) {
      const metric = table.get(name) ?? table.get(name.replace(/_(bucket|sum|count)$/, ''))
      assert.ok(metric !== undefined, `${page} names ${name}, which is no metric`)
      for (const [, label = ''] of selector.matchAll(/(\w+)[=!]/g)) {
        assert.ok(metric.labels.includes(label), `${page}: ${name} has no label ${label}`)
      }
    }
  }
})

test('docs/operating.md has every refusal of the admin port, and every path with its methods', async () => {
  const { adminAnswers } = await importCompiled('packages/service/dist/admin/answers.js')
  const refusals = Object.entries(adminAnswers as Record<string, { status: number; message: string }>)
  assert.deepEqual(
    rowsOf(operatingPage, 'Code'),
    refusals.map(([code, { status, message }]) => [`\`${code}\``, String(status), message]),
  )
  const { endpoints } = await importCompiled('packages/service/dist/admin/api.js')
  const paths = Object.entries(endpoints as Record<string, { isOpen: boolean; GET?: unknown; POST?: unknown }>)
  assert.deepEqual(
    rowsOf(operatingPage, 'Path').map(([path, methods, token]) => [path, methods, token]),
    paths.map(([path, { isOpen, GET, POST }]) => {
      const methods = [...(GET === undefined ? [] : ['GET']), ...(POST === undefined ? [] : ['POST'])]
      return [`\`${path}\``, methods.join(', '), isOpen ? 'no' : 'yes']
    }),
  )
})
