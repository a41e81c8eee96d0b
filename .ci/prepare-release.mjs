// `npm run prepare-release`: takes the notes in .changeset, raises the versions of all packages together, writes the heading
// of the release into CHANGELOG.md, and brings the lockfile up to date, which changesets leaves stale. Nothing is committed and
// nothing published: that is the release workflow's, once the commit has its tag.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The release cannot be prepared; the message says why. */
class VersionError extends Error {
  name = 'VersionError'
}

const heading = '## Unreleased\n'

/** The text of a changelog whose unreleased changes have become those of `version`. */
export function released(changelog, version, date) {
  const at = changelog.indexOf(heading)
  if (at < 0) throw new VersionError('CHANGELOG.md has no heading "## Unreleased".')
  const rest = changelog.slice(at + heading.length)
  if (/^\s*(## |$)/.test(rest)) throw new VersionError('CHANGELOG.md says nothing under "## Unreleased".')
  return `${changelog.slice(0, at)}${heading}\n## ${version}, ${date}\n${rest}`
}

function run(command, ...args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) throw new VersionError(`${command} ${args.join(' ')} failed (${status}).`)
}

function versionOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).version
}

/** Works in the current folder, which is the root of the checkout or, in a test, a copy of its manifests. */
function main() {
  const engine = 'packages/engine/package.json'
  const before = versionOf(engine)
  const changesets = join(dirname(fileURLToPath(import.meta.url)), '../node_modules/@changesets/cli/bin.js')
  run(process.execPath, changesets, 'version')
  const version = versionOf(engine)
  if (version === before)
    throw new VersionError('No note in .changeset raises the version: write one with npx changeset.')
  const changelog = released(readFileSync('CHANGELOG.md', 'utf8'), version, new Date().toISOString().slice(0, 10))
  writeFileSync('CHANGELOG.md', changelog)
  run('npm', 'pkg', 'set', `version=${version}`)
  run('npm', 'install', '--package-lock-only', '--ignore-scripts', '--prefer-offline', '--loglevel=error')
  console.log(`Prepared ${version}. Read the changes, commit them, and push the tag v${version}.`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main()
  } catch (error) {
    if (!(error instanceof VersionError)) throw error
    console.error(`npm run prepare-release: ${error.message}`)
    process.exitCode = 1
  }
}
