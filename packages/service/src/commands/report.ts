// Turns an error into what a person reads and the process returns. The one place that knows which error means which
// exit code. Called by start.ts and by commands that report problems themselves.

import type { RuleSetIssue } from '@weir/engine'

import { exitCode } from './context.ts'
import type { CommandContext } from './context.ts'
import { ConfigError } from '../errors.ts'
import { visibleLine } from '../log.ts'
import { stdoutName } from '../sinks/stdout.ts'

/** A problem of a rule set or of settings. */
export interface Issue extends RuleSetIssue {
  /** Where it stands, where problems of one error stand in several places. */
  readonly file?: string
}

/** An error with a code, whichever package it comes from. */
export interface CodedError extends Error {
  readonly code: string
}

/** Returns whether the error carries a code of ours. */
export function isCoded(error: unknown): error is CodedError {
  return (
    error instanceof Error && typeof (error as { code?: unknown }).code === 'string' && hasPrefix(error as CodedError)
  )
}

function hasPrefix(error: CodedError): boolean {
  return /^ERR_(RULESET|CONFIG|ENGINE|CONNECTOR|KAFKA|S3)_/.test(error.code)
}

/** Returns the exit code that the error stands for. */
export function exitCodeOf(error: unknown): number {
  return isCoded(error) && /^ERR_(RULESET|CONFIG)_/.test(error.code) ? exitCode.misuse : exitCode.fault
}

/** Returns whether the error only says that the reader of standard output has seen enough. */
export function isClosedPipe(error: unknown): boolean {
  if (!isCoded(error) || error.code !== 'ERR_CONNECTOR_CLOSED') return false
  return (error as { details?: { output?: unknown } }).details?.output === stdoutName
}

/**
 * Returns a problem of a rule file or of settings as one line: `file:line:column: path: message (suggestion)`. `given`:
 * the file, where the problem itself names none.
 */
export function issueLine(given: string, issue: Issue): string {
  const file = issue.file ?? given
  const place = issue.line === undefined ? file : `${file}:${issue.line}:${issue.column ?? 1}`
  const path = issue.path === '' ? '' : `${issue.path}: `
  const suggestion = issue.suggestion === undefined ? '' : ` (${issue.suggestion})`
  // A message may quote a pattern with a line feed in it; one problem stays one line.
  return `${visibleLine(place)}: ${`${path}${issue.message}${suggestion}`.replace(/\s*\n\s*/g, ' ')}`
}

/** Returns the lines that tell a person what went wrong; for a rule set, every problem, then what only looks wrong. */
export function errorLines(error: unknown, rulesFile: string | undefined): readonly string[] {
  if (isCoded(error)) {
    const { issues, warnings = [] } = error as { issues?: readonly Issue[]; warnings?: readonly Issue[] }
    if (issues === undefined || issues.length === 0) return [`weir: ${visibleLine(error.message)}`]
    const line = (issue: Issue) => issueLine(rulesFile ?? 'rules', issue)
    return [...issues.map(line), ...warnings.map((issue) => `warning: ${line(issue)}`)]
  }
  const text = error instanceof Error ? error.message || error.name : String(error)
  return [`weir: unexpected fault: ${visibleLine(text)}`]
}

/** Writes an object as the one line of JSON that `--json` promises. */
export function writeJson(context: CommandContext, value: unknown): void {
  // The log makes control characters visible in a way that JSON reads back as what they were.
  context.log(JSON.stringify(value))
}

/** Returns a wrong command line as an error of ours, from what commander says of it. */
export function usageError(error: Error): ConfigError {
  const isHelp = error.message === '(outputHelp)'
  const text = isHelp ? 'a subcommand is missing; --help lists them' : error.message.replace(/^error: /, '')
  return new ConfigError('ERR_CONFIG_OPTION', text.trim().replace(/\s*\n\s*/g, ' '))
}

/** How an error is reported. */
export interface ReportOptions {
  readonly isJson: boolean
  /** Named before each problem of a rule set. */
  readonly rulesFile?: string
}

/** Reports an error that ended a command, and sets the exit code. */
export function reportError(context: CommandContext, error: unknown, { isJson, rulesFile }: ReportOptions): void {
  context.interrupts.run()
  context.exitWith(exitCodeOf(error))
  if (isJson) writeJson(context, { error: errorObject(error) })
  else errorLines(error, rulesFile).forEach((line) => context.log(line))
}

function errorObject(error: unknown): Record<string, unknown> {
  const { issues, details } = error as { issues?: readonly Issue[]; details?: unknown }
  const code = isCoded(error) ? error.code : 'ERR_UNEXPECTED'
  const message = error instanceof Error ? error.message : String(error)
  return { code, message, ...(issues === undefined || issues.length === 0 ? { details } : { issues }) }
}
