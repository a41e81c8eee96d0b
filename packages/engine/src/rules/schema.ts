// The JSON Schema of rule sets, from the operator table, so that editors complete rule files and mark mistakes. It
// checks shapes; patterns, networks, paths and names across rules are for the compiler alone. Printed by
// `weir rules schema`.

import { limits } from '../limits.ts'
import { booleanForms, operatorNames, operators, predicateParts, reservedNames, type OperandKind } from './operators.ts'

const text = { type: 'string' }
const literal = { $ref: '#/$defs/literal' }
const literals = { type: 'array', items: literal, minItems: 1 }
const listFile = { $ref: '#/$defs/listFile' }

const operands: Readonly<Record<OperandKind, object>> = {
  pattern: { type: 'string' },
  literal,
  literals: { anyOf: [literals, listFile] },
  literalOrList: { anyOf: [literal, literals] },
  literalOrLists: { anyOf: [literal, literals, listFile] },
  bound: { $ref: '#/$defs/bound' },
  networks: { anyOf: [text, { type: 'array', items: text, minItems: 1 }, listFile] },
  boolean: { type: 'boolean' },
}

const operatorExamples: Readonly<Record<string, readonly unknown[]>> = {
  matches: ['5\\d\\d'],
  search: ['(?i)chrome|firefox'],
  equals: ['GET', 404],
  in: [['BR', 'US'], { file: 'countries.txt' }],
  prefix: ['/api/', ['/api/', '/v1/']],
  suffix: ['.jpg', ['.jpg', '.png']],
  contains: ['bot', ['bot', 'crawler'], { file: 'agents.txt' }],
  exists: [true],
  lt: [500],
  lte: [0.5],
  gt: ['1000'],
  gte: [500],
  cidr: ['10.0.0.0/8', ['10.0.0.0/8', '2001:db8::/32'], { file: 'networks.txt' }],
}

/**
 * Returns the JSON Schema of rule sets: draft 2020-12, and in words that draft-07 validators know as well, but for
 * the name `$defs`.
 */
export function ruleSetSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Weir rule set',
    description: 'Ordered rules over log records: the first rule whose condition holds decides, else the default.',
    type: 'object',
    properties: ruleSetProperties(),
    required: ['version', 'default', 'rules'],
    additionalProperties: false,
    examples: [
      {
        version: 1,
        default: 'drop',
        rules: [{ id: 'server-errors', when: { field: 'statusCode', matches: '5\\d\\d' }, then: 'keep' }],
      },
    ],
    $defs: {
      action: actionSchema(),
      rule: ruleSchema(),
      condition: { anyOf: [...formSchemas(), { $ref: '#/$defs/predicate' }] },
      predicate: predicateSchema(),
      ...valueSchemas(),
      test: testSchema(),
    },
  }
}

function ruleSetProperties(): object {
  return {
    version: { const: 1, description: 'Version of the rule language.' },
    missing: {
      description: 'Texts that count as absent, compared before decoding. Default: none.',
      type: 'array',
      items: literal,
      examples: [['-', '^']],
    },
    default: { description: 'What happens to a record that no rule decides.', $ref: '#/$defs/action' },
    rules: {
      description: 'The rules, in the order in which they are asked.',
      type: 'array',
      items: { $ref: '#/$defs/rule' },
      maxItems: limits.rules,
    },
    tests: {
      description: 'Records with the outcome that is expected of them, run by `weir rules check`.',
      type: 'array',
      items: { $ref: '#/$defs/test' },
    },
  }
}

function actionSchema(): object {
  return {
    description: 'What happens to a record: kept, dropped, or sent to a named route.',
    anyOf: [
      { enum: ['keep', 'drop'] },
      {
        type: 'object',
        properties: {
          route: {
            description: 'Name of the route: letters, digits, `-`, `_` and `.`, beginning with a letter or digit.',
            type: 'string',
            pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
            maxLength: 64,
            not: { enum: reservedNames },
          },
        },
        required: ['route'],
        additionalProperties: false,
      },
    ],
    examples: ['keep', 'drop', { route: 'alerts' }],
  }
}

function ruleSchema(): object {
  return {
    description: 'A rule: where its condition holds, its action decides.',
    type: 'object',
    properties: {
      id: {
        description: 'Name of the rule in counts and verdicts; each rule has its own.',
        type: 'string',
        minLength: 1,
        maxLength: 256,
        not: { enum: reservedNames },
        examples: ['server-errors'],
      },
      when: { description: 'The condition.', $ref: '#/$defs/condition' },
      then: { description: 'What happens where the condition holds.', $ref: '#/$defs/action' },
    },
    required: ['id', 'when', 'then'],
    additionalProperties: false,
  }
}

function formSchemas(): object[] {
  const condition = { $ref: '#/$defs/condition' }
  return Object.entries(booleanForms).map(([name, description]) => ({
    type: 'object',
    properties: {
      [name]: { description, ...(name === 'not' ? condition : { type: 'array', items: condition, minItems: 1 }) },
    },
    required: [name],
    additionalProperties: false,
  }))
}

function predicateSchema(): object {
  const described = operatorNames.map((name) => {
    const { operand, meaning } = operators[name]
    return [name, { description: meaning, ...operands[operand], examples: operatorExamples[name] }] as const
  })
  const textNames = operatorNames.filter((name) => operators[name].isText)
  return {
    description: 'A test on one field. Several operators are joined by *and*.',
    type: 'object',
    properties: {
      field: {
        description: predicateParts.field,
        type: 'string',
        minLength: 1,
        examples: ['statusCode', 'request.headers["user-agent"]'],
      },
      decode: { description: predicateParts.decode, const: 'url' },
      ignoreCase: { description: predicateParts.ignoreCase, type: 'boolean' },
      ...Object.fromEntries(described),
    },
    required: ['field'],
    anyOf: operatorNames.map((name) => ({ required: [name] })),
    // ignoreCase: true asks for an operator that compares text.
    if: { properties: { ignoreCase: { const: true } }, required: ['ignoreCase'] },
    then: { anyOf: textNames.map((name) => ({ required: [name] })) },
    additionalProperties: false,
  }
}

function valueSchemas(): object {
  return {
    literal: {
      description: 'A text. Integers and booleans stand for their text as written; anything else is quoted.',
      type: ['string', 'integer', 'boolean'],
    },
    bound: {
      description: 'A number, or text that is a JSON number, leading zeros allowed.',
      anyOf: [{ type: 'number' }, { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$' }],
    },
    listFile: {
      description: 'A list kept in a UTF-8 file: one entry a line, blank lines skipped, no comments.',
      type: 'object',
      properties: {
        file: {
          description: 'Path, relative to the rule file.',
          type: 'string',
          minLength: 1,
          examples: ['agents.txt'],
        },
      },
      required: ['file'],
      additionalProperties: false,
    },
  }
}

function testSchema(): object {
  return {
    description: 'An expectation about one record.',
    type: 'object',
    properties: {
      name: { description: 'What the test shows.', type: 'string' },
      record: { description: 'The record: an object, or the exact text of its line.', type: ['object', 'string'] },
      expect: {
        description: '`keep`, `drop`, `malformed`, or the name of a route.',
        type: 'string',
        examples: ['keep'],
      },
      rule: { description: 'The id of the rule that must have decided, or `default`.', type: 'string' },
    },
    required: ['name', 'record', 'expect'],
    additionalProperties: false,
  }
}
