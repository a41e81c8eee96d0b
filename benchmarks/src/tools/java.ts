// Tools that are Java programs of this repository: compiled with the libraries that a Maven project names, or, where Maven
// cannot bring them, with those of a Debian package.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { folderOf, unpackDebian } from './debian.ts'
import { isOnPath, makeFolder, runInstaller, sourcesFolder, toolsFolder, versionLine } from './tool.ts'
import type { Tool } from './tool.ts'

/** A program in Java. */
export interface JavaProgram {
  /** Its folder among the sources. */
  readonly name: string
  readonly mainClasses: readonly [string, ...string[]]
  /** Folders among the sources with other classes that it is compiled with. */
  readonly with?: readonly string[]
  /** Libraries that its version names, as their files begin. */
  readonly libraries: readonly string[]
  /** Debian package with the libraries, where there is one. */
  readonly librariesPackage?: string
}

/** The tool of a Java program. */
export interface JavaTool extends Tool {
  /** Returns the arguments of `java` that run a class of the program. Errors: an Error where it is not installed. */
  readonly argumentsFor: (mainClass: string) => readonly string[]
}

/** Returns the tool of a Java program; its words are those before the arguments of the first class. */
export function javaProgram({
  name,
  mainClasses,
  with: others = [],
  libraries,
  librariesPackage,
}: JavaProgram): JavaTool {
  const project = join(sourcesFolder, name)
  const sourceFolders = [name, ...others].map((each) => join(sourcesFolder, each, 'src'))
  const folder = `java-${name}-${hashOf([join(project, 'pom.xml'), ...sourceFolders.flatMap(javaFilesIn)])}`
  const root = join(toolsFolder, folder)
  const argumentsFor = (mainClass: string): readonly string[] => {
    if (!existsSync(root)) throw new Error(`${name} is not installed: npm run bench:peers -- ${name}`)
    return ['-cp', [join(root, 'classes'), ...librariesIn(root)].join(':'), mainClass]
  }
  return {
    name,
    argumentsFor,
    find: () => {
      if (!existsSync(root) || !isOnPath('java')) return undefined
      const version = versionLine('java -version 2>&1')
      if (version === undefined) return undefined
      const files = librariesIn(root).map((path) => basename(path))
      const named = libraries.flatMap((library) => files.find((file) => file.startsWith(`${library}-`)) ?? [])
      return {
        command: ['java', ...argumentsFor(mainClasses[0])].map(quote).join(' '),
        version: [...named, version].join(', '),
      }
    },
    install: () => {
      if (!isOnPath('javac')) throw new Error('needs javac, of a Java development kit of version 17 or newer')
      makeFolder(folder, (target) => {
        getLibraries(project, join(target, 'libraries'), librariesPackage)
        const paths = ['-cp', librariesIn(target).join(':'), '-sourcepath', sourceFolders.join(':')]
        const sources = mainClasses.map((each) => join(project, 'src', `${each.replaceAll('.', '/')}.java`))
        runInstaller('javac', [...paths, '-d', join(target, 'classes'), ...sources])
      })
    },
  }
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(readFileSync(path))
  return hash.digest('hex').slice(0, 12)
}

function javaFilesIn(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return paths
    .filter((path) => path.endsWith('.java'))
    .sort()
    .map((path) => join(folder, path))
}

function librariesIn(root: string): string[] {
  const folder = join(root, 'libraries')
  return readdirSync(folder).map((file) => join(folder, file))
}

function getLibraries(project: string, target: string, debianPackage: string | undefined): void {
  try {
    const output = `-DoutputDirectory=${target}`
    runInstaller('mvn', ['-q', '-B', '-f', project, 'dependency:copy-dependencies', output])
    return
  } catch (error) {
    if (debianPackage === undefined || !isOnPath('apt-get')) throw error
  }
  unpackDebian(debianPackage)
  runInstaller('cp', ['-rL', join(folderOf(debianPackage), 'usr/share/java'), target])
}
