// The composition root of the command `weir`: the only file that reads the arguments and the environment, and the
// only one that installs handlers for signals, but for one in bin/weir.js. Joins the commands, and turns their errors into messages and exit
// codes. Called by main.ts, with all commands, and by main-filter.ts.

import { fstatSync, readFileSync, statSync, writeSync } from 'node:fs'
import os from 'node:os'
import { isatty } from 'node:tty'

import { Command, CommanderError } from 'commander'

import type { CommandContext } from './commands/context.ts'
import { exitCode } from './commands/context.ts'
import { errorLines, isClosedPipe, reportError, usageError } from './commands/report.ts'
import { Interrupts } from './interrupts.ts'
import { createLog } from './log.ts'
import { openStdoutSink, stdoutDescriptor } from './sinks/stdout.ts'
import { fileIdentity } from './sinks/target.ts'

const interrupts = new Interrupts()
let isForced = false
/** Ends a command in order at the first signal; absent where a signal ends it at once. */
let terminate: ((signal: NodeJS.Signals) => void) | undefined
const log = createLog(messageWriter())

/**
 * Signals that end the command; the exit code is 128 and the signal's number, as a shell shows it. The first four are meant
 * to; the others end what does not handle them, and would leave unfinished files behind: sent by mistake for a program that
 * rotates its logs, by a timer that was set before the command took the place of a shell, at the end of the processor time
 * that is allowed, or when the power fails. Not here: SIGUSR1, which bin/weir.js keeps from opening Node's inspector; SIGPIPE,
 * which Node ignores; SIGPROF, which is the clock of `node --cpu-prof`; SIGABRT, SIGSEGV and the like, after which no code
 * of ours can run. A name that a system does not know is never heard of there.
 */
const endingSignals = [
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const),
  ...(['SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGXCPU', 'SIGIO', 'SIGPWR', 'SIGSTKFLT'] as const),
]

/** Whether a descriptor is a terminal. What knows of terminals is loaded only where it might be one. */
function isTerminal(descriptor: number): boolean {
  const stat = fstatSync(descriptor)
  const isNull = () => stat.rdev === statSync(os.devNull, { throwIfNoEntry: false })?.rdev
  return stat.isCharacterDevice() && !isNull() && isatty(descriptor)
}

/** Standard error as a stream, which takes milliseconds to make: undefined until something needs it. */
let errorStream: NodeJS.WriteStream | undefined

function standardError(): NodeJS.WriteStream {
  // Messages that nobody reads are no reason to stop.
  errorStream ??= process.stderr.on('error', () => undefined)
  return errorStream
}

/**
 * Returns what writes messages. Where both streams are redirected to one file, each may have a position of its own
 * there; then messages go behind the records instead of over them.
 */
function messageWriter(): (text: string) => void {
  const [stdout, stderr] = [fstatSync(stdoutDescriptor), fstatSync(2)]
  const isOneFile = stdout.isFile() && fileIdentity(stdout) === fileIdentity(stderr)
  if (isOneFile) return (text) => void writeAtOnce(stdoutDescriptor, text)
  return (text) => {
    // The console of Windows understands text only from its stream; and nothing overtakes what waits there.
    const isForStream = errorStream !== undefined || process.platform === 'win32'
    const rest = isForStream ? text : writeAtOnce(2, text)
    if (rest.length > 0) standardError().write(rest)
  }
}

/** Writes a message as far as that goes without waiting; returns what is left. A full disk is reported by the exit code. */
function writeAtOnce(descriptor: number, text: string): Uint8Array {
  let bytes: Uint8Array = Buffer.from(text)
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(descriptor, bytes))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return bytes
    bytes = new Uint8Array()
  }
  return bytes
}

function handleSignals(): void {
  // The write that goes beyond `ulimit -f` then fails, and is reported like one to a full disk.
  process.on('SIGXFSZ', () => undefined)
  for (const signal of endingSignals) {
    process.on(signal, () => {
      if (terminate !== undefined) {
        const inOrder = terminate
        terminate = undefined
        return inOrder(signal)
      }
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
}

/** Loads a subcommand's code, and makes the command. */
export type Subcommand = (context: CommandContext) => Promise<Command>

/** The subcommands by name, in the order of the help. */
export type Subcommands = Readonly<Record<string, Subcommand>>

/** Returns the subcommand that the arguments name; all of them where they name none, for the help and for slips. */
function askedFor(
  subcommands: Subcommands,
  [name = '', ...others]: readonly string[],
  context: CommandContext,
): Promise<Command[]> {
  if (name === '--version' && others.length === 0) return Promise.resolve([])
  const load = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  const loads = load === undefined ? Object.values(subcommands) : [load]
  return Promise.all(loads.map((each) => each(context)))
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Where help and commander's own messages go. */
interface Texts {
  readonly help: (text: string) => void
  readonly message: (text: string) => void
}

function program(version: string, commands: readonly Command[], { help, message }: Texts): Command {
  const weir = new Command('weir')
    .description('Filters logs: NDJSON in, the records that rules keep out.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', '\nExample:\n  weir filter --rules rules.yaml access.ndjson > kept.ndjson')
    .showSuggestionAfterError()
  for (const command of commands) weir.addCommand(command)
  const configure = (command: Command): void => {
    command.exitOverride().showHelpAfterError(`(weir ${pathOf(command)}--help explains the options)`)
    command.configureOutput({ writeOut: help, writeErr: message })
    command.commands.forEach((child) => configure(child))
  }
  configure(weir)
  return weir
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)}${command.name()} `
}

async function run(subcommands: Subcommands, args: readonly string[]): Promise<number> {
  let code: number = exitCode.success
  const context: CommandContext = {
    version: ownVersion(),
    log,
    print: (text) => openStdoutSink().write([Buffer.from(text)]),
    isOutputTerminal: isTerminal(stdoutDescriptor),
    isErrorTerminal: isTerminal(2),
    outputColumns: isTerminal(stdoutDescriptor) ? process.stdout.columns : undefined,
    environment: process.env,
    get errorStream() {
      return standardError()
    },
    interrupts,
    endByForce: () => (isForced = true),
    endNow,
    onTermination: (inOrder) => (terminate = inOrder),
    exitWith: (wanted) => (code = Math.max(code, wanted)),
  }
  const isJson = asksForJson(args)
  const help: string[] = []
  // With --json the error is told once, as an object.
  const message = (text: string) => (isJson ? undefined : log(text.trimEnd()))
  const weir = program(context.version, await askedFor(subcommands, args, context), {
    help: (text) => help.push(text),
    message,
  })
  try {
    if (args.length === 0) weir.outputHelp()
    else await weir.parseAsync(args, { from: 'user' }).catch(unlessHelp)
    if (help.length > 0) await context.print(help.join(''))
  } catch (error) {
    interrupts.run()
    if (isClosedPipe(error)) return exitCode.success
    if (!(error instanceof CommanderError)) reportError(context, error, { isJson })
    else if (isJson) await reportUsage(context, args, error)
    else code = exitCode.misuse
  }
  return code
}

/** Help and the version are no errors, though commander throws them. */
function unlessHelp(error: unknown): void {
  if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error
}

function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).includes('--json')
}

/** Reports a wrong command line as the command that it names reports everything else. */
async function reportUsage(context: CommandContext, [name]: readonly string[], error: Error): Promise<void> {
  const misuse = usageError(error)
  if (name !== 'rules') return reportError(context, misuse, { isJson: true })
  context.exitWith(exitCode.misuse)
  await context.print(JSON.stringify({ ok: false, code: misuse.code, message: misuse.message }) + '\n')
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

function endNow(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** Runs the command line of this process with the subcommands that there are, and ends the process. Called once. */
export async function start(subcommands: Subcommands): Promise<never> {
  handleSignals()
  handleFaults()
  const code = await run(subcommands, process.argv.slice(2))
  if (errorStream !== undefined) await flushed(errorStream)
  // An orderly exit waits for every thread, and one that hangs, in native code or in the system, never comes.
  if (isForced) endNow()
  process.exit(code)
}
