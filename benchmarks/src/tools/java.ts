// Tools that are Java programs of this repository: compiled with the libraries that a Maven project names, or, where Maven
// cannot bring them, with those of a Debian package.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { folderOf, unpackDebian } from './debian.ts'
import { isOnPath, makeFolder, runInstaller, sourcesFolder, toolsFolder, versionLine } from './tool.ts'
import type { Tool } from './tool.ts'

/** A program in Java. */
export interface JavaProgram {
  /** Its folder among the sources. */
  readonly name: string
  readonly mainClass: string
  /** Debian package with the libraries. */
  readonly librariesPackage: string
}

/** Returns the tool of a Java program; its words are those before the arguments of the program. */
export function javaProgram({ name, mainClass, librariesPackage }: JavaProgram): Tool {
  const project = join(sourcesFolder, name)
  const source = join(project, 'src', `${mainClass.replaceAll('.', '/')}.java`)
  const hash = createHash('sha256')
  for (const path of [join(project, 'pom.xml'), source]) hash.update(readFileSync(path))
  const folder = `java-${name}-${hash.digest('hex').slice(0, 12)}`
  const root = join(toolsFolder, folder)
  return {
    name,
    find: () => {
      if (!existsSync(root) || !isOnPath('java')) return undefined
      const path = [join(root, 'classes'), ...librariesIn(root)].join(':')
      const library = librariesIn(root).find((each) => /databind/.test(each)) ?? ''
      const version = versionLine('java -version 2>&1')
      return version === undefined
        ? undefined
        : { command: `java -cp ${quote(path)} ${mainClass}`, version: `${library.split('/').at(-1)}, ${version}` }
    },
    install: () => {
      if (!isOnPath('javac')) throw new Error('needs javac, of a Java development kit of version 17 or newer')
      makeFolder(folder, (target) => {
        getLibraries(project, join(target, 'libraries'), librariesPackage)
        const path = librariesIn(target).join(':')
        runInstaller('javac', ['-cp', path, '-d', join(target, 'classes'), source])
      })
    },
  }
}

function librariesIn(root: string): string[] {
  const folder = join(root, 'libraries')
  return readdirSync(folder).map((file) => join(folder, file))
}

function getLibraries(project: string, target: string, debianPackage: string): void {
  try {
    const output = `-DoutputDirectory=${target}`
    runInstaller('mvn', ['-q', '-B', '-f', project, 'dependency:copy-dependencies', output])
    return
  } catch (error) {
    if (!isOnPath('apt-get')) throw error
  }
  unpackDebian(debianPackage)
  runInstaller('cp', ['-rL', join(folderOf(debianPackage), 'usr/share/java'), target])
}
