// Processes with a clock that is wrong, or is set while they run. For Node it is libfaketime, which the system's loader puts
// before the C library. Time that passes is not touched, only what it is called. Called by faults.

import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Where Debian has it, by processor. */
const folders = ['x86_64-linux-gnu', 'aarch64-linux-gnu']

/** Returns the path of the library, or nothing where it is not installed. */
export function clockLibrary(): string | undefined {
  return folders.map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`).find((file) => existsSync(file))
}

/** A clock that processes share: of Node by the library, of Kafka by its own time in java/. */
export class WrongClock {
  /** How far it is ahead of the right time; negative: behind. */
  aheadSeconds = 0
  private readonly folder: string

  /** `folder`: for the files that say how wrong it is. */
  constructor(folder: string) {
    this.folder = folder
  }

  /** What it shows, in milliseconds since 1970. */
  get nowMs(): number {
    return Date.now() + this.aheadSeconds * 1000
  }

  /** Variables that a process is started with that is to have it; only behind `set()`. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: clockLibrary()!,
      FAKETIME_TIMESTAMP_FILE: path.join(this.folder, 'clock'),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }

  /** Options of Java for a node of Kafka that is to have it; only behind `set()`. */
  get javaOptions(): readonly string[] {
    return [`-Dweir.clock=${path.join(this.folder, 'clock-ms')}`]
  }

  /** Puts it ahead of the right time by so many seconds, or behind; processes that run see it within a second. */
  async set(seconds: number): Promise<void> {
    const rounded = Math.round(seconds)
    this.aheadSeconds = rounded
    await this.write('clock', `${rounded < 0 ? '-' : '+'}${Math.abs(rounded)}`)
    await this.write('clock-ms', String(rounded * 1000))
  }

  private async write(name: string, text: string): Promise<void> {
    const file = path.join(this.folder, name)
    await writeFile(`${file}.new`, `${text}\n`)
    await rename(`${file}.new`, file)
  }
}
