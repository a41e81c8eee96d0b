// What the system says of a process, from /proc: memory, threads, descriptors. Linux only. Called by faults that count what
// a service holds.

import { readdir, readFile } from 'node:fs/promises'

/** Returns a figure of /proc in bytes: `VmRSS`, the memory now, or `VmHWM`, the most of it so far. */
export async function memory(pid: number, figure: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${figure}:\\s+(\\d+)`, 'm').exec(text)?.[1]) << 10
}

/** Returns how many threads a process has. */
export async function threads(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/task`)).length
}

/** Returns how many descriptors a process has open. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}
