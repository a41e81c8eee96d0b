// Translates what the system says about an output into the service's errors. Called by the sinks beside it.

import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'

/**
 * Returns the error for a failed write; a reader that went away is told apart, for it is often meant. `isTakenBack`: what
 * was written in part is taken back when the sink is opened anew, so that another try is worth it.
 */
export function writeError(name: string, error: unknown, isTakenBack = false): ConnectorError {
  if (error instanceof ConnectorError) return error
  const details = { output: name, system: systemCode(error) }
  if (systemCode(error) === 'EPIPE' || systemCode(error) === 'ECONNRESET') {
    return new ConnectorError('ERR_CONNECTOR_CLOSED', `The reader of ${name} went away.`, { details, cause: error })
  }
  return new ConnectorError('ERR_CONNECTOR_WRITE', `Cannot write ${name}: ${systemReason(error)}.`, {
    retryable: isTakenBack && mayPass(error),
    details,
    cause: error,
  })
}

/** Returns the error for an output that cannot be made. */
export function createError(name: string, error: unknown): ConnectorError {
  return refusalOf('create', name, error)
}

/** Returns the error for an output that is there and cannot be opened. */
export function openError(name: string, error: unknown): ConnectorError {
  return refusalOf('write to', name, error)
}

function refusalOf(what: string, name: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error
  const details = { output: name, system: systemCode(error) }
  return new ConnectorError('ERR_CONNECTOR_CREATE', `Cannot ${what} ${name}: ${systemReason(error)}.`, {
    retryable: mayPass(error),
    details,
    cause: error,
  })
}
