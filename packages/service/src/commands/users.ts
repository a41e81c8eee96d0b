// `weir users`: makes lines for the credentials file of the `http` source. The password comes by standard input or is
// made up; never as an argument, which every user of the machine can read.

import { randomBytes } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { buffer } from 'node:stream/consumers'

import { Command } from 'commander'

import { ConfigError } from '../errors.ts'
import { hashPassword } from '../sources/credentials.ts'
import type { CommandContext } from './context.ts'
import { reportError } from './report.ts'

/** Bytes of a password that is made up. */
const passwordBytes = 24

interface HashOptions {
  readonly generate?: boolean
}

const examples = `
Examples:
  printf %s "$PASSWORD" | weir users hash cdn >> users
  weir users hash --generate cdn >> users`

/** Returns the command, to be added to the program. */
export function usersCommand(context: CommandContext): Command {
  const hash = new Command('hash')
    .description('print a line for the credentials file; the password is read from standard input')
    .argument('<name>', 'the user')
    .option('--generate', 'make a password up, and print it on standard error')
    .addHelpText('after', examples)
    .action((name: string, options: HashOptions) => printHash(context, name, options))
  return new Command('users').description('make credentials of those who may post').addCommand(hash)
}

async function printHash(context: CommandContext, name: string, { generate }: HashOptions): Promise<void> {
  try {
    const isMade = generate === true
    const password = isMade
      ? randomBytes(passwordBytes).toString('base64url')
      : withoutLineEnd(await passwordFrom(process.stdin))
    await context.print((await hashPassword(name, password)) + '\n')
    if (isMade) context.log(`password of ${name}: ${password}`)
  } catch (error) {
    reportError(context, error, { isJson: false })
  }
}

/** Senders encode passwords as UTF-8, so other bytes could never match. */
async function passwordFrom(stream: NodeJS.ReadableStream): Promise<string> {
  const bytes = await buffer(stream)
  if (isUtf8(bytes)) return bytes.toString()
  throw new ConfigError('ERR_CONFIG_USERS', 'Cannot make a credential: the password is not UTF-8.')
}

/** `echo` adds one, and no password has any. */
function withoutLineEnd(password: string): string {
  return password.replace(/\r?\n$/, '')
}
