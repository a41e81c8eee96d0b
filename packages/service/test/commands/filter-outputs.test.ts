// Where `weir filter` writes: routes, files, pipes, full disks, readers that leave, and what it refuses to write over.

import assert from 'node:assert/strict'
import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder, names, shell, weir } from '../running.js'
import { lines, prepare, readSummary, rules } from './sample.js'

test('each route has its file, dropped and malformed records theirs, and nothing is lost', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  const run = await weir(
    'filter --rules rules.yaml --json -o kept --route slow=slow --dropped dropped --malformed bad in'.split(' '),
    { cwd: directory },
  )
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stdout.length, 0)
  const read = (name: string) => readFile(path.join(directory, name), 'utf8')
  assert.equal(await read('kept'), lines.kept)
  assert.equal(await read('slow'), lines.slow)
  assert.equal(await read('dropped'), lines.dropped)
  assert.equal(await read('bad'), lines.malformed)
  assert.equal(readSummary(run)['bytesOut'], lines.all.length)
  assert.deepEqual(await names(directory), ['bad', 'dropped', 'in', 'kept', 'rules.yaml', 'slow'])
})

test('a route without an output is refused, with the flag to give, unless only the count is wanted', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  const run = await weir(['filter', '--rules', 'rules.yaml'], { cwd: directory, stdin: lines.all })
  assert.equal(run.code, 2)
  assert.match(run.stderr, /the route slow, which has no output: give --route slow=FILE/)
  assert.equal(run.stdout.length, 0)
  const count = await weir(['filter', '--rules', 'rules.yaml', '--count'], { cwd: directory, stdin: lines.all })
  assert.equal(count.code, 0)
  assert.equal(count.stdout.toString(), '3\n')
})

test('wrong names and values of outputs are refused before anything is written', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  await mkdir(path.join(directory, 'sub'))
  for (const [args, code, message] of [
    ['--route slw=x --route slow=y in', 2, /no rule has this route; the rules name slow/],
    ['--route slow=y --route slow=z in', 2, /--route slow=… is given twice/],
    ['--route slow in', 2, /give a route and its file/],
    ['--route keep=x --route slow=y in', 2, /given with -o FILE/],
    ['--route drop=x --route slow=y in', 2, /given with --dropped FILE/],
    ['--route slow=x -o x in', 2, /-o and --route slow both write to the file x/],
    ['--route slow=x -o ./x in', 2, /both write to the file/],
    ['--route slow=- in', 2, /both write to standard output/],
    ['--route slow=x --count -o - in', 2, /--count and -o both write to standard output/],
    ['--route slow=x --validation read --malformed bad in', 2, /--malformed needs every record checked/],
    ['--route slow=x -o sub in', 1, /Cannot write sub: it is a directory/],
    ['--route slow=x -o no/such in', 1, /Cannot create no\/such: no such file or directory/],
    ['--route slow=x -o y - -', 2, /Standard input \(-\) can be read once only/],
    ['--route slow=x --threads 0 in', 2, /whole number from 1 to 256/],
    ['--route slow=x --batch-bytes 1KiB in', 2, /at least 4KiB, at most 256MiB/],
    ['--route slow=x --kernel fast in', 2, /Allowed choices are auto, native, portable/],
  ] as const) {
    const run = await weir(['filter', '--rules', 'rules.yaml', ...args.split(' ')], { cwd: directory })
    assert.equal(run.code, code, `${args}: ${run.stderr}`)
    assert.match(run.stderr, message)
    assert.equal(run.stdout.length, 0)
  }
  assert.deepEqual(await names(directory), ['in', 'rules.yaml', 'sub'])
})

test('an output that is also read is refused, by whatever name', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  await symlink('in', path.join(directory, 'symbolic'))
  await link(path.join(directory, 'in'), path.join(directory, 'hard'))
  const filter = 'weir filter --rules rules.yaml --route slow=/dev/null'
  for (const line of [
    `${filter} -o in in`,
    `${filter} -o symbolic in`,
    `${filter} -o hard in`,
    `${filter} -o in - < in`,
    `${filter} in >> in`,
    `${filter} --malformed rules.yaml in`,
  ]) {
    const run = await shell(line, directory)
    assert.equal(run.code, 2, line)
    assert.match(run.stderr, /write to another file/)
  }
  assert.equal(await readFile(path.join(directory, 'in'), 'utf8'), lines.all)
})

test('an output in the file of standard output or standard error is refused, for one would be lost', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  const filter = 'weir filter --rules rules.yaml'
  for (const [line, message] of [
    [`${filter} --route slow=out in > out`, /-o and --route slow both write to the file out, one of them by standard/],
    [`${filter} --route slow=/dev/stdout in > out`, /-o and --route slow both write to standard output/],
    [`${filter} --route slow=/dev/fd/3 in > out 3> out`, /-o and --route slow both write to the file \/dev\/fd\/3/],
    [`${filter} --route slow=/dev/stderr in > out 2>> out`, /-o and --route slow both write to the file \/dev\/stderr/],
    [`${filter} --route slow=/dev/null -o out --count in > out`, /--count and -o both write to the file out/],
    [`${filter} --route slow=/dev/null -o out in > out`, /-o out is the file that standard output goes to/],
    [`${filter} --route slow=out -o /dev/null in 2> out`, /--route slow out is the file that standard error goes to/],
    [`${filter} --route slow=/dev/fd/3 -o /dev/null in 2> out 3>> out`, /is the file that standard error goes to/],
  ] as const) {
    const run = await shell(`${line}; code=$?; cat out; exit $code`, directory)
    assert.equal(run.code, 2, line)
    assert.match(run.stdout.toString() + run.stderr, message)
  }
  assert.deepEqual(await names(directory), ['in', 'out', 'rules.yaml'])
})

test('names of open descriptors are written from where they stand, and what others wrote there stays', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  await symlink('/dev/stdout', path.join(directory, 'link'))
  const filter = 'weir filter --rules rules.yaml --json'
  const around = (line: string, to: string) => `{ echo header >&${to}; ${line}; echo footer >&${to}; }`
  for (const [line, expected] of [
    [`${around(`${filter} --route slow=/dev/null -o /dev/stdout in`, '1')} > out`, lines.kept],
    [`${around(`${filter} --route slow=/dev/null -o link in`, '1')} > out`, lines.kept],
    [`${around(`${filter} --route slow=/dev/fd/3 -o /dev/null in`, '3')} 3> out`, lines.slow],
    [`${around(`${filter} --route slow=/dev/null -o /proc/self/fd/3 in`, '3')} 3> out`, lines.kept],
  ] as const) {
    const run = await shell(line, directory)
    assert.equal(run.code, 0, run.stderr)
    assert.equal(await readFile(path.join(directory, 'out'), 'utf8'), `header\n${expected}footer\n`, line)
  }
  await shell(
    around(`${filter} --route slow=/dev/null -o /dev/null --dropped /dev/stderr in`, '2') + ' 2> out',
    directory,
  )
  const [header, ...rest] = (await readFile(path.join(directory, 'out'), 'utf8')).split('\n')
  assert.equal(header, 'header')
  assert.ok(rest.join('\n').startsWith(`${lines.dropped}{"records":8`))
  assert.ok(rest.join('\n').endsWith('\nfooter\n'))
})

test('descriptors may be pipes, and one that is not open is refused', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  const filter = 'weir filter --rules rules.yaml'
  const run = await shell(
    `{ ${filter} --route slow=/dev/fd/3 -o /dev/stdout in 3>&1 >&4 | cat > slow; } 4>&1`,
    directory,
  )
  assert.equal(run.stdout.toString(), lines.kept)
  assert.equal(await readFile(path.join(directory, 'slow'), 'utf8'), lines.slow)
  const left = await shell(`yes '{"status":500}' | ${filter} --route slow=/dev/null -o /dev/stdout | head -n 1; echo \${PIPESTATUS[1]}`, directory) // prettier-ignore
  assert.equal(left.stdout.toString(), '{"status":500}\n0\n')
  const closed = await weir(['filter', '--rules', 'rules.yaml', '--route', 'slow=/dev/fd/900', 'in'], {
    cwd: directory,
  })
  assert.equal(closed.code, 1)
  assert.match(closed.stderr, /Cannot create \/dev\/fd\/900: bad file descriptor \(EBADF\)/)
})

test('records and messages in one file do not overwrite each other, however it was opened', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  for (const redirect of ['> out 2> out', '> out 2>&1', '> out 2>> out']) {
    const run = await shell(`weir filter --rules rules.yaml --route slow=/dev/null --json in ${redirect}`, directory)
    assert.equal(run.code, 0)
    const out = await readFile(path.join(directory, 'out'), 'utf8')
    assert.ok(out.startsWith(`${lines.kept}{"records":8,`), redirect)
    assert.ok(out.endsWith('"warnings":[]}\n'))
  }
})

test('a file beyond the limit of the shell is a fault that leaves nothing behind', async (t) => {
  const records = '{"status":"500","pad":"0123456789"}\n'.repeat(10_000)
  const directory = await prepare(t, { in: records })
  // Blocks of 1,024 bytes. Without the limit of core files a signal that is not handled would leave one.
  const run = await shell(
    'ulimit -c 0; ulimit -f 8; weir filter --rules rules.yaml --route slow=/dev/null -o out in',
    directory,
  )
  assert.equal(run.code, 1, run.stderr)
  assert.match(run.stderr, /^weir: Cannot write out: file too large \(EFBIG\)\.\n$/)
  assert.deepEqual(await names(directory), ['in', 'rules.yaml'])
})

test('a full disk is a fault that leaves the old file and no temporary one', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  for (const redirect of ['-o /dev/full', '> /dev/full']) {
    const run = await shell(`weir filter --rules rules.yaml --route slow=slow in ${redirect}`, directory)
    assert.equal(run.code, 1)
    assert.match(run.stderr, /^weir: Cannot write .*: no space left on device \(ENOSPC\)\.\n$/)
  }
  assert.deepEqual(await names(directory), ['in', 'rules.yaml'])
  const json = await weir(
    ['filter', '--rules', 'rules.yaml', '--route', 'slow=slow', '--json', '-o', '/dev/full', 'in'],
    {
      cwd: directory,
    },
  )
  assert.equal((JSON.parse(json.stderr) as { error: { code: string } }).error.code, 'ERR_CONNECTOR_WRITE')
})

test('a reader of standard output that leaves is no fault, unless files are lost with it', async (t) => {
  const directory = await folder(t)
  const keepAll = 'version: 1\ndefault: keep\nrules: []\n'
  await writeFile(path.join(directory, 'rules.yaml'), keepAll)
  await writeFile(path.join(directory, 'in'), '{"a":1}\n'.repeat(200_000))
  const quiet = await shell('weir filter --rules rules.yaml in | head -n 1; echo ${PIPESTATUS[0]}', directory)
  assert.equal(quiet.stdout.toString(), '{"a":1}\n0\n')
  assert.equal(quiet.stderr, '')
  const lost = await shell(
    'weir filter --rules rules.yaml --malformed bad in | head -n 1; echo ${PIPESTATUS[0]}',
    directory,
  )
  assert.equal(lost.stdout.toString(), '{"a":1}\n1\n')
  const nothingLost = await shell(
    'weir filter --rules rules.yaml --malformed /dev/null in | head -n 1; echo ${PIPESTATUS[0]}',
    directory,
  )
  assert.equal(nothingLost.stdout.toString(), '{"a":1}\n0\n')
  assert.equal(nothingLost.stderr, '')
  assert.match(lost.stderr, /these files were not written: bad/)
  assert.deepEqual(await names(directory), ['in', 'rules.yaml'])
})

test('outputs may be named pipes and devices, which are written directly', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  await writeFile(path.join(directory, 'in'), lines.all)
  const run = await shell(
    'mkfifo pipe; cat pipe > copy & weir filter --rules rules.yaml --route slow=pipe -o /dev/null in; wait; test -p pipe',
    directory,
  )
  assert.equal(run.code, 0)
  assert.equal(await readFile(path.join(directory, 'copy'), 'utf8'), lines.slow)
})

test(
  'a standard output that is closed is an error where records or counts go there, and one to nowhere is none',
  { skip: process.platform === 'linux' ? false : 'only Linux tells a closed output from one to nowhere' },
  async (t) => {
    const directory = await folder(t)
    await writeFile(path.join(directory, 'rules.yaml'), rules)
    await writeFile(path.join(directory, 'in'), lines.all)
    const filter = 'weir filter --rules rules.yaml --route slow=slow'
    for (const line of [`${filter} in >&-`, `${filter} --count in >&-`]) {
      const run = await shell(line, directory)
      assert.equal(run.code, 1, line)
      assert.match(run.stderr, /Cannot write standard output: it is closed\./)
    }
    assert.equal((await shell(`${filter} in >/dev/null`, directory)).code, 0)
    assert.equal((await shell(`${filter} -o kept in >&-`, directory)).code, 0)
    assert.equal(await readFile(path.join(directory, 'kept'), 'utf8'), lines.kept)
  },
)
