// What a release does that no other test runs: the workflows name scripts that exist and actions that cannot move, versions
// rise together, and the list of a package's parts has what is compiled in. Reads the workflows, and runs the scripts in
// copies; nothing is published from here.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { importCompiled, listFiles, readJson, readText, root } from './checkout.ts'

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, string>>
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<string, { steps: readonly Step[]; permissions?: Record<string, string>; needs?: string | readonly string[] }>
  >
}

// The engine's own reader of YAML: the tests of the repository have no dependencies.
const yamlPath = createRequire(join(root, 'packages/engine/package.json')).resolve('yaml')
const yaml = (await import(pathToFileURL(yamlPath).href)) as { parse: (text: string) => unknown }
const workflows = listFiles('.github/workflows')
const workspaces = readJson('package.json')['workspaces'] as readonly string[]

function readWorkflow(path: string): Workflow {
  return yaml.parse(readText(path)) as Workflow
}

test('there is a workflow that checks and one that releases', () => {
  assert.deepEqual(workflows, ['.github/workflows/ci.yml', '.github/workflows/release.yml'])
})

for (const path of workflows) {
  test(`${path} runs scripts that exist, and actions pinned to a commit`, () => {
    const { jobs, permissions } = readWorkflow(path)
    const scripts = readJson('package.json')['scripts'] as Record<string, string>
    assert.deepEqual(permissions, { contents: 'read' }, 'what a job needs beyond that, it names itself')
    for (const [name, { steps, needs = [] }] of Object.entries(jobs)) {
      for (const each of [needs].flat()) assert.ok(each in jobs, `${name} needs ${each}`)
      for (const { uses, run = '' } of steps) {
        if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, `${name}: ${uses}`)
        for (const [script = ''] of run.matchAll(/\.ci\/[\w.-]+/g)) assert.ok(existsSync(join(root, script)), script)
        for (const [, script = ''] of run.matchAll(/npm run ([\w:-]+)/g)) assert.ok(script in scripts, script)
      }
    }
    // The comment behind a commit says which version it is.
    for (const line of readText(path).split('\n')) if (/ uses: /.test(line)) assert.match(line, / # v\d+\.\d+\.\d+$/)
  })
}

test('the release publishes tried tarballs with provenance, from a Node whose npm can', () => {
  const { jobs } = readWorkflow('.github/workflows/release.yml')
  const publish = jobs['publish']
  assert.ok(publish !== undefined)
  assert.equal(publish.permissions?.['id-token'], 'write')
  assert.deepEqual(publish.needs, ['try', 'try-libc'])
  const runs = publish.steps.flatMap(({ run }) => (run === undefined ? [] : [run]))
  assert.deepEqual(
    runs.map((run) => /^npm publish \.\/packed\/weir-(\w+)-\*\.tgz --provenance/.exec(run)?.[1]),
    ['engine', 'service'],
  )
  const node = publish.steps.find(({ uses }) => uses?.startsWith('actions/setup-node@'))
  assert.ok(Number(node?.with?.['node-version']) >= 24)
})

test('the release keeps the lists of parts beside the tarballs, once these are published', async () => {
  const { jobs } = readWorkflow('.github/workflows/release.yml')
  const { needs, permissions, steps = [] } = jobs['release'] ?? {}
  assert.equal(needs, 'publish')
  assert.deepEqual(permissions, { contents: 'write' })
  // A glob of the shell's with one star, as the workflow has them.
  const matchesGlob = (path: string, pattern: string): boolean => {
    const [head = '', tail = ''] = pattern.split('*')
    return path.startsWith(head) && path.endsWith(tail)
  }
  const upload = steps.map(({ run }) => run ?? '').find((run) => run.startsWith('gh release upload')) ?? ''
  const patterns = upload.split(' ').filter((word) => word.startsWith('packed/'))
  const { partsPath } = (await importCompiled('.ci/pack.mjs')) as { partsPath: (tarball: string) => string }
  for (const tarball of ['packed/weir-engine-1.2.3.tgz', 'packed/weir-service-1.2.3.tgz']) {
    for (const path of [tarball, partsPath(tarball)]) {
      assert.ok(
        patterns.some((pattern) => matchesGlob(path, pattern)),
        `${path} is not uploaded`,
      )
    }
  }
})

test('all workspaces have one version, and the notes for the next release name packages that exist', () => {
  const names = workspaces.map((folder) => readJson(join(folder, 'package.json'))['name'] as string)
  const versions = ['.', ...workspaces].map((folder) => readJson(join(folder, 'package.json'))['version'])
  assert.equal(new Set(versions).size, 1, versions.join(', '))
  const { fixed } = readJson('.changeset/config.json') as { fixed: string[][] }
  assert.deepEqual(fixed.flat().sort(), [...names].sort())
  for (const path of listFiles('.changeset').filter((each) => each.endsWith('.md') && !each.endsWith('README.md'))) {
    const [, head = ''] = readText(path).split('---\n')
    const raised = Object.entries(yaml.parse(head) as Record<string, string>)
    assert.ok(raised.length > 0, path)
    for (const [name, by] of raised) {
      assert.ok(names.includes(name), `${path}: ${name}`)
      assert.match(by, /^(patch|minor|major)$/)
    }
  }
})

/** A folder with the manifests of the checkout, its lockfile and its changelog, and one note of a change. */
function manifestsIn(folder: string, note: string | undefined): void {
  for (const path of ['package.json', 'package-lock.json', '.npmrc', 'CHANGELOG.md', '.changeset/config.json']) {
    cpSync(join(root, path), join(folder, path))
  }
  for (const each of workspaces) cpSync(join(root, each, 'package.json'), join(folder, each, 'package.json'))
  if (note !== undefined) writeFileSync(join(folder, '.changeset/change.md'), note)
}

function prepare(folder: string) {
  const env: NodeJS.ProcessEnv = { ...process.env, npm_config_offline: 'true' }
  delete env['NODE_TEST_CONTEXT']
  return spawnSync(process.execPath, [join(root, '.ci/prepare-release.mjs')], { cwd: folder, env, encoding: 'utf8' })
}

test('preparing a release raises every version together, in manifests, lockfile and changelog', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-release-'))
  try {
    manifestsIn(folder, "---\n'@weir/service': major\n---\n\nSomething else.\n")
    const { status, stdout, stderr } = prepare(folder)
    assert.equal(status, 0, stdout + stderr)
    const read = (path: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(folder, path), 'utf8')) as Record<string, unknown>
    const next = `${Number(String(readJson('package.json')['version']).split('.')[0]) + 1}.0.0`
    for (const each of ['.', ...workspaces]) assert.equal(read(join(each, 'package.json'))['version'], next, each)
    const service = read('packages/service/package.json')['dependencies'] as Record<string, string>
    assert.equal(service['@weir/engine'], next)
    const locked = read('package-lock.json')['packages'] as Record<string, { version: string; resolved?: string }>
    for (const each of ['', ...workspaces]) assert.equal(locked[each]?.version, next, each)
    assert.ok(!Object.entries(locked).some(([path, { resolved }]) => path.includes('/re2') && resolved !== undefined))
    const changelog = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8')
    assert.match(changelog, new RegExp(`## Unreleased\\n\\n## ${next}, \\d{4}-\\d\\d-\\d\\d\\n\\n###`))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a release without a note of any change, or without words for its users, is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-release-'))
  try {
    manifestsIn(folder, undefined)
    const { status, stderr } = prepare(folder)
    assert.equal(status, 1)
    assert.match(stderr, /No note in \.changeset/)
  } finally {
    rmSync(folder, { recursive: true })
  }
  const { released } = (await importCompiled('.ci/prepare-release.mjs')) as {
    released: (changelog: string, version: string, date: string) => string
  }
  const day = '2030-01-02'
  assert.equal(
    released('# C\n\n## Unreleased\n\n- a\n', '2.0.0', day),
    `# C\n\n## Unreleased\n\n## 2.0.0, ${day}\n\n- a\n`,
  )
  assert.throws(() => released('# C\n\n## Unreleased\n\n## 1.0.0\n\n- a\n', '2.0.0', day), /says nothing/)
  assert.throws(() => released('# C\n', '2.0.0', day), /no heading/)
})

test('the list of parts names what npm installs and what is compiled in', async () => {
  const { partsOf } = (await importCompiled('.ci/sbom.mjs')) as {
    partsOf: (name: string) => { metadata: { component: { purl: string } }; components: { name: string }[] }
  }
  const { metadata, components } = partsOf('@weir/engine')
  const version = readJson('packages/engine/package.json')['version'] as string
  assert.equal(metadata.component.purl, `pkg:npm/%40weir/engine@${version}`)
  const names = components.map(({ name }) => name)
  const { dependencies } = readJson('packages/engine/package.json') as { dependencies: Record<string, string> }
  for (const part of [...Object.keys(dependencies), 'RE2', 'Abseil', 'simdjson']) assert.ok(names.includes(part), part)
  for (const part of ['typescript', 'ajv', 're2-sources']) assert.ok(!names.includes(part), part)
})

test('.ci/try.mjs and npm run pack refuse arguments that they do not know', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  for (const args of [[], ['wasm', 'a.tgz'], ['native']]) {
    const { status, stderr } = run('.ci/try.mjs', ...args)
    assert.equal(status, 2)
    assert.match(stderr, /Usage: /)
  }
  const { status, stderr } = run('.ci/pack.mjs', '--everything')
  assert.equal(status, 2)
  assert.match(stderr, /--everything[\s\S]*Usage: npm run pack/)
  const unknown = run('packages/engine/native/prebuild.mjs', 'linux-mips')
  assert.equal(unknown.status, 1)
  assert.match(unknown.stderr, /no target linux-mips; there are linux-x64, linux-arm64\. Not built: .*darwin-arm64/)
})

test('the documents list the platforms for which nothing is built, as the script has them', async () => {
  const { notBuilt, targets } = (await importCompiled('packages/engine/native/prebuild.mjs')) as {
    notBuilt: readonly string[]
    targets: Readonly<Record<string, unknown>>
  }
  const rows = readText('docs/engine.md')
    .split('\n')
    .filter((line) => /^\| `\w+-\w+( musl)?`/.test(line))
  const [shipped = '', not = ''] = rows
  const platforms = (row: string): string[] => [...row.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  assert.deepEqual(platforms(shipped), Object.keys(targets))
  assert.deepEqual(platforms(not), notBuilt)
})
