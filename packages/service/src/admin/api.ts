// What can be asked of the admin port: one table of paths, with the methods of each and what they answer. Knows nothing of
// connections and of who may ask; that is server.ts.

import { isUtf8 } from 'node:buffer'

import type { Metrics } from '../metrics.ts'
import type { RulesControl } from '../pipeline/rules-control.ts'
import { AdminRefusal } from './answers.ts'
import type { Answer } from './answers.ts'

/** What is known about the process, for those who ask. */
export interface AdminFacts {
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'adminRequest' | 'adminTokens'>
  /** Whether the process works at all, judged by itself alone. When not, it should be started anew. */
  health(): { readonly healthy: boolean; readonly reasons: readonly string[] }
  /** Whether records should be sent here. */
  readiness(): { readonly ready: boolean; readonly reasons: readonly string[] }
  /** Versions, positions, last errors, guarantees in force. */
  status(): object
  /** Without secrets. */
  settings(): object
  readonly rules: readonly RulesControl[]
}

/** A request that may be answered. */
export interface AdminRequest {
  readonly query: URLSearchParams
  /** The media type of the body, in lower case and without parameters. */
  readonly type: string | undefined
  /** Who asks, for the audit. */
  readonly who: string
  /** Reads the body whole. *Errors*: `AdminRefusal`. */
  readonly body: () => Promise<Buffer>
}

/** Answers one method of a path. */
export type Handler = (facts: AdminFacts, request: AdminRequest) => Answer | Promise<Answer>

/** One path. */
export interface Endpoint {
  /** Whether it answers without a token. */
  readonly isOpen: boolean
  /** HEAD is answered where GET is. */
  readonly GET?: Handler
  readonly POST?: Handler
}

const ok = (body: object): Answer => ({ status: 200, body })

/** Every path of the admin port. */
export const endpoints: Readonly<Record<string, Endpoint>> = {
  '/healthz': {
    isOpen: true,
    GET: (facts) => {
      const { healthy, reasons } = facts.health()
      return { status: healthy ? 200 : 503, body: { healthy, reasons } }
    },
  },
  '/readyz': {
    isOpen: true,
    GET: (facts) => {
      const { ready, reasons } = facts.readiness()
      return { status: ready ? 200 : 503, body: { ready, reasons } }
    },
  },
  '/metrics': {
    isOpen: true,
    GET: async ({ metrics }) => ({ status: 200, body: await metrics.render(), type: metrics.contentType }),
  },
  '/api/status': {
    isOpen: false,
    GET: (facts) => ok({ ...facts.status(), rules: facts.rules.map((each) => each.status()) }),
  },
  '/api/settings': { isOpen: false, GET: (facts) => ok(facts.settings()) },
  '/api/rules': { isOpen: false, GET: getRules, POST: postRules },
  '/api/rules/reload': { isOpen: false, POST: reloadRules },
}

function getRules({ rules }: AdminFacts, { query }: AdminRequest): Answer {
  if (!query.has('pipeline')) return ok({ rules: rules.map((each) => each.status()) })
  const control = controlOf(rules, query)
  return ok({ ...control.status(), text: control.text() })
}

/** Media types of rules. None that a form of a page could send. */
const ruleTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'application/json']

async function postRules({ rules }: AdminFacts, { query, type, who, body }: AdminRequest): Promise<Answer> {
  const control = controlOf(rules, query)
  if (type === undefined || !ruleTypes.includes(type)) throw new AdminRefusal('unknown-type')
  const bytes = await body()
  if (!isUtf8(bytes)) throw new AdminRefusal('not-utf8')
  return ok({ pipeline: control.pipeline, ...(await control.replace(bytes.toString('utf8'), who)) })
}

async function reloadRules({ rules }: AdminFacts, { query, who }: AdminRequest): Promise<Answer> {
  const control = controlOf(rules, query)
  return ok({ pipeline: control.pipeline, ...(await control.reload(who)) })
}

function controlOf(rules: readonly RulesControl[], query: URLSearchParams): RulesControl {
  const name = query.get('pipeline')
  if (name === null && rules.length > 1) throw new AdminRefusal('which-pipeline')
  const found = name === null ? rules[0] : rules.find(({ pipeline }) => pipeline === name)
  if (found === undefined) throw new AdminRefusal('unknown-pipeline')
  return found
}
