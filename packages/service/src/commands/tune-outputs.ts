// The files that `weir tune` writes: whether it can write them, which is found out before minutes of measuring, and the
// image. What goes into settings is in tune-settings.ts. Called by tune.ts.

import { ConfigError, ConnectorError } from '../errors.ts'
import type { Interrupts } from '../interrupts.ts'
import { openFileSink } from '../sinks/file.ts'
import { findTarget } from '../sinks/target.ts'
import type { Target } from '../sinks/target.ts'
import { isReadOnce } from './named-files.ts'
import { refuseInputsAsOutputs } from './outputs.ts'
import type { PlannedOutput } from './outputs.ts'
import type { TuneOptions } from './tune-options.ts'

/**
 * Refuses files that could not be written after the measuring. Leaves nothing behind.
 * *Errors*: `ERR_CONNECTOR_CREATE`; `ERR_CONFIG_OPTION`, where `--write` is given what keeps no settings, or would begin
 * settings whose rules nobody could read again; `ERR_CONFIG_SAME_FILE`.
 */
export async function checkOutputs(
  { write, svg, rules, sample }: Pick<TuneOptions, 'write' | 'svg' | 'rules' | 'sample'>,
  interrupts: Interrupts,
): Promise<void> {
  const planned: PlannedOutput[] = []
  if (write !== undefined) {
    const target = await targetOf('--write', write)
    checkSettingsTarget(target, rules)
    planned.push({ route: '', option: '--write', target })
  }
  if (svg !== undefined) planned.push({ route: '', option: '--svg', target: await targetOf('--svg', svg) })
  const [first, second] = planned
  if (second !== undefined && first?.target?.identity === second.target?.identity) {
    throw new ConfigError('ERR_CONFIG_SAME_FILE', `--write and --svg both write to the file ${svg}: give each its own.`)
  }
  await refuseInputsAsOutputs(planned, [sample], rules)
  for (const { option, target } of planned) await tryToOpen(option, target!, interrupts)
}

/** Writes the image. *Errors*: `ERR_CONNECTOR_CREATE`, `ERR_CONNECTOR_WRITE`. */
export async function writeImage(file: string, svg: string, interrupts: Interrupts): Promise<void> {
  const sink = await openFileSink(await findTarget(file), interrupts)
  try {
    await sink.write([Buffer.from(svg)])
    await sink.finish()
  } catch (error) {
    await sink.discard()
    throw error
  }
}

function targetOf(option: string, file: string): Promise<Target> {
  return named(option, () => findTarget(file))
}

function checkSettingsTarget({ name, kind }: Target, rules: string): void {
  if (kind !== 'file' && kind !== 'new') {
    const problem = `--write ${name} is a pipe or a device, which keeps no settings: give a file.`
    throw new ConfigError('ERR_CONFIG_OPTION', problem)
  }
  if (kind === 'new' && isReadOnce(rules)) {
    const problem = `--write would begin ${name} with the rule file ${rules}, which can be read only once: give rules in a file.`
    throw new ConfigError('ERR_CONFIG_OPTION', problem)
  }
}

/** Makes the file under its temporary name, as writing it will, and takes it away again. */
async function tryToOpen(option: string, target: Target, interrupts: Interrupts): Promise<void> {
  // The others are written where they are; to open a pipe would wait for its reader.
  if (target.kind !== 'file' && target.kind !== 'new') return
  await named(option, async () => (await openFileSink(target, interrupts)).discard())
}

/** Has an error name the option, and say what to do. */
async function named<T>(option: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    const { code, message, details, cause } = error
    const told = `${option}: ${message} Give a file in a folder that is there, and that this user may write to.`
    throw new ConnectorError(code, told, { details, cause })
  }
}
