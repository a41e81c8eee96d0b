// The structured log of commands that run on, as JSON or as text, a line for each event. Records never pass here, and what
// looks like a credential is blotted out. A file of its own, and the only one that imports pino, so that short commands
// need not load it. Called by every layer above.

import { randomBytes } from 'node:crypto'

import { pino } from 'pino'
import type { Logger } from 'pino'

import { visible, visibleLine } from './log.ts'

/** How much is told; each level tells what those behind it tell too. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** `json`: one object a line; `text`: for people who watch. */
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** What is known about an event, as plain data, by name. An `Error` becomes its code, message and issues. */
export type LogFields = Readonly<Record<string, unknown>>

/** The log of a command that runs on. A message is a sentence that does not vary; what varies stands in the fields. */
export interface StructuredLog {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** Returns a log that adds these fields to every event: a pipeline's name, a batch's id. */
  child(fields: LogFields): StructuredLog
}

/** How a structured log is written. */
export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes whole lines, and must not keep them back: the process may be killed at any time. */
  readonly write: (text: string) => void
  /** Time for each event, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number
}

/** Opens a structured log. */
export function openLog({ level, format, write, now = Date.now }: LogOptions): StructuredLog {
  const destination = {
    write: format === 'json' ? (line: string) => write(jsonLine(line)) : (line: string) => write(textLine(line)),
  }
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
  }
  return logOf(pino(options, destination))
}

function logOf(logger: Logger): StructuredLog {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    if (logger.isLevelEnabled(level))
      logger[level](fields === undefined ? {} : presentable(fields), withoutCredentials(message))
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logOf(logger.child(presentable(fields))),
  }
}

/**
 * Returns what makes ids by which the events of one batch belong together: short, and distinct from those of other
 * processes. `prefix` is the process's part.
 */
export function batchIds(prefix: string = randomBytes(3).toString('hex')): () => string {
  let last = 0
  return () => `${prefix}-${(++last).toString(36)}`
}

/** Names of fields whose values are never told. The library's own way knows names one level deep only. */
const secretNames =
  /^(proxy-?)?authorization$|^(set-)?cookie$|pass(word|wd|phrase)|secret|credential|^(api|private|access|secret)[-_]?key$|token$/i

/** What stands in the place of a credential. */
const blot = '[redacted]'

/** A hashed password; but not the words by which messages say what a line of one is. */
const hashed = /\bscrypt:(?!N:r:p:salt:hash(?![\w+/=:-]))[\w+/=:.-]+/g

/**
 * Returns text without what looks like a credential: of Basic and Bearer authorization, in the address of a URL, and of
 * hashed passwords.
 */
export function withoutCredentials(text: string): string {
  return text
    .replace(/\b(basic|bearer)\s+[\w+/=.~-]{8,}/gi, `$1 ${blot}`)
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, `$1${blot}@`)
    .replace(hashed, `scrypt:${blot}`)
}

/** Deepest nesting of fields that is told. */
const mostDepth = 6

/** Returns fields as plain data that JSON can hold, without credentials. */
function presentable(fields: LogFields, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretNames.test(name) ? blot : presentableValue(value, depth),
    ]),
  )
}

function presentableValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutCredentials(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return presentable(errorFields(value), depth + 1)
  // Records never belong into a log, whatever somebody hands over.
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (depth >= mostDepth) return '…'
  if (Array.isArray(value)) return value.map((each) => presentableValue(each, depth + 1))
  return presentable(value as LogFields, depth + 1)
}

/** The stack only of errors that no table knows: those are faults of ours. */
function errorFields(error: Error): LogFields {
  const { code, issues, cause } = error as { code?: unknown; issues?: unknown; cause?: unknown }
  return {
    ...(typeof code === 'string' ? { code } : { name: error.name, stack: error.stack }),
    message: error.message,
    ...(issues === undefined ? {} : { issues }),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
  }
}

/** JSON escapes control characters but for those above ASCII. */
function jsonLine(line: string): string {
  return visible(line)
}

/** `2026-01-31T12:00:00.000Z warn  Rules are refused. pipeline=default code=…` */
function textLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const told = Object.entries(fields).map(([name, value]) => ` ${name}=${textValue(value)}`)
  return visibleLine(`${String(time)} ${String(level).padEnd(5)} ${String(msg)}${told.join('')}`) + '\n'
}

function textValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
