// The list of parts of a published package, in CycloneDX's format: what npm says of its dependencies, and what npm cannot
// know, the libraries that are compiled into the native kernel. Called by pack.mjs, which writes it beside the tarball.

import { spawnSync } from 'node:child_process'
import { vendoredPackages } from '../packages/engine/native/sources.mjs'
import { root } from './set-up.mjs'

/** What is inside each package that the native build takes sources from. */
const compiledIn = {
  're2-sources': { purl: 're2', holds: ['RE2', 'Abseil'] },
  '@nozbe/simdjson': { purl: '%40nozbe/simdjson', holds: ['simdjson'] },
}

/** Returns the list of parts of the package `name`, as an object. Throws an Error with npm's message. */
export function partsOf(name) {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=library', '--omit=dev', `--workspace=${name}`]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`npm sbom failed for ${name}: ${stderr}`)
  const list = JSON.parse(stdout)
  const isOurs = ({ purl }) => purl?.startsWith(`pkg:npm/${name.replace('@', '%40')}@`)
  const own = list.components.find(isOurs)
  if (own === undefined) throw new Error(`npm sbom does not name ${name}; npm may be too old.`)
  // npm describes the workspace as a whole and names the package among its parts.
  list.metadata.component = own
  list.components = [...list.components.filter((each) => !isOurs(each)), ...compiledParts()]
  list.dependencies = list.dependencies.filter(({ ref }) => ref !== `weir@${own.version}`)
  return list
}

function compiledParts() {
  return vendoredPackages().flatMap(({ name, version }) => {
    const { purl, holds } = compiledIn[name]
    return holds.map((library) => ({
      'bom-ref': `${library}, from ${purl}@${version}`,
      type: 'library',
      name: library,
      description: `Compiled into the native kernel from the sources in ${purl} ${version}.`,
      scope: 'required',
      purl: `pkg:npm/${purl}@${version}`,
    }))
  })
}
