// Tools of npm packages: installed with the versions of a lock file, without running scripts, into a folder each. They are
// libraries, so a program of this suite runs them; it is given the folder.

import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { makeFolder, runInstaller, sourcesFolder, toolsFolder } from './tool.ts'
import type { Tool } from './tool.ts'

/** Returns the tool of an npm package; `runner` is the compiled program of this suite that loads it from a folder. */
export function npmPackage({
  name,
  package: packageName,
  runner,
}: {
  name: string
  package: string
  runner: string
}): Tool {
  const folder = join(toolsFolder, `npm-${name}`)
  const script = fileURLToPath(new URL(runner, import.meta.url))
  return {
    name,
    find: () => {
      const manifest = join(folder, 'node_modules', packageName, 'package.json')
      if (!existsSync(manifest) || isOld(folder, name)) return undefined
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
      const command = [process.execPath, script, folder].map(quote).join(' ')
      return { command, version: `${packageName} ${version}` }
    },
    install: () => {
      makeFolder(`npm-${name}`, (target) => {
        for (const file of files) copyFileSync(join(sourcesFolder, name, file), join(target, file))
        const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
        runInstaller('npm', ['install', '--ignore-scripts', '--no-save', ...quiet], { cwd: target })
      })
    },
  }
}

const files = ['package.json', 'package-lock.json']

/** Whether other versions are wanted than those that are installed. */
function isOld(folder: string, name: string): boolean {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  return files.some((file) => read(join(folder, file)) !== read(join(sourcesFolder, name, file)))
}
