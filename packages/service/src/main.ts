// The composition root of the command `weir`: the only file that reads the arguments and the environment, and the
// only one that installs handlers for signals. Joins the commands, and turns their errors into messages and exit
// codes.

import { readFileSync } from 'node:fs'
import os from 'node:os'
import { isatty } from 'node:tty'

import { Command, CommanderError } from 'commander'

import type { CommandContext } from './commands/context.ts'
import { exitCode } from './commands/context.ts'
import { filterCommand } from './commands/filter.ts'
import { generateCommand } from './commands/generate.ts'
import { rulesCommand } from './commands/rules.ts'
import { errorLines, exitCodeOf, isClosedPipe } from './commands/report.ts'
import { Interrupts } from './interrupts.ts'
import { createLog } from './log.ts'
import { openStdoutSink } from './sinks/stdout.ts'

const interrupts = new Interrupts()
let isForced = false
const log = createLog((text) => void process.stderr.write(text))

/** Signals that end the command; the exit code is 128 and the signal's number, as a shell shows it. */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function handleSignals(): void {
  for (const signal of endingSignals) {
    process.on(signal, () => {
      interrupts.run()
      // From here the system's own handling: a second signal ends the process even while it waits for its threads.
      for (const each of endingSignals) process.removeAllListeners(each)
      process.exit(128 + os.constants.signals[signal])
    })
  }
}

function handleFaults(): void {
  const end = (error: unknown) => {
    interrupts.run()
    for (const line of errorLines(error, undefined)) log(line)
    process.exit(exitCode.fault)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
  // Messages that nobody reads are no reason to stop.
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', () => undefined)
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function program(context: CommandContext): Command {
  const weir = new Command('weir')
    .description('Filters logs: NDJSON in, the records that rules keep out.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', '\nExample:\n  weir filter --rules rules.yaml access.ndjson > kept.ndjson')
    .showSuggestionAfterError()
  for (const command of [filterCommand(context), rulesCommand(context), generateCommand(context)])
    weir.addCommand(command)
  const configure = (command: Command): void => {
    command.exitOverride().showHelpAfterError(`(weir ${pathOf(command)}--help explains the options)`)
    command.commands.forEach((child) => configure(child))
  }
  configure(weir)
  return weir
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)}${command.name()} `
}

async function run(args: readonly string[]): Promise<number> {
  let code: number = exitCode.success
  const context: CommandContext = {
    log,
    print: (text) => openStdoutSink().write([Buffer.from(text)]),
    isOutputTerminal: isatty(1),
    errorStream: process.stderr,
    interrupts,
    endByForce: () => (isForced = true),
    exitWith: (wanted) => (code = Math.max(code, wanted)),
  }
  const weir = program(context)
  if (args.length === 0) {
    weir.outputHelp()
    return exitCode.success
  }
  try {
    await weir.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    interrupts.run()
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.success : exitCode.misuse
    if (isClosedPipe(error)) return exitCode.success
    for (const line of errorLines(error, undefined)) log(line)
    return exitCodeOf(error)
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

handleSignals()
handleFaults()
const code = await run(process.argv.slice(2))
await flushed(process.stderr)
// An orderly exit waits for every thread, and one that hangs in native code never comes.
if (isForced) process.kill(process.pid, 'SIGKILL')
process.exit(code)
