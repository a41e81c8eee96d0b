// Keeps what V8 makes of the bundle's text in a folder of the user's own, and loads the bundle from there: to make it anew is a
// third of what the command needs to start. What lies there is run as code, so it is taken only from a file of the user's own
// that nobody else can write to, in such a folder, and made anew where anything about it is not as it should be. Called by
// weir.js.
//
// Nothing here ever fails: without a folder, or with a full disk, the bundle is loaded as Node loads it.

'use strict'

const fs = require('node:fs')
const { Module } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const v8 = require('node:v8')
const vm = require('node:vm')
const zlib = require('node:zlib')

/** Files that are kept: of some versions of Weir, of Node, and of its flags. The least recently made go first. */
const mostFiles = 16
/** Many times what V8 makes of the largest. */
const mostFileBytes = 16 * 1024 * 1024
/** Later than this, V8 has thrown away what is run only at the start. */
const latestMs = 5_000
const suffix = '.code'
/** At the beginning of each file: the length of the text and its checksum, and the checksum of what follows. */
const headerBytes = 12

/** Returns the folder, made if need be, or undefined where there is none that only this user can write to. */
function ownFolder() {
  const isUnwanted = process.env.NODE_DISABLE_COMPILE_CACHE === '1' || process.sourceMapsEnabled === true
  const user = process.geteuid?.()
  if (isUnwanted || user === undefined) return undefined
  const given = process.env.XDG_CACHE_HOME ?? ''
  const parent = path.isAbsolute(given) ? given : path.join(os.homedir(), '.cache')
  // Without a home, the folder one works in must not be taken for it: what lies there may have come in an archive. And the
  // root of the file system, where containers have theirs, is no place for anybody's files.
  if (!path.isAbsolute(parent) || parent === path.resolve('/.cache')) return undefined
  const folder = path.join(parent, 'weir')
  let found = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (found === undefined) {
    // As another user, who might never be able to use a folder of ours, we would be in the way: `sudo` keeps the home.
    const isOwn = (place) => fs.statSync(place, { throwIfNoEntry: false })?.uid === user
    if (!fs.existsSync(parent) && isOwn(path.dirname(parent))) make(parent)
    if (!isOwn(parent) || mayBeSwapped(parent)) return undefined
    make(folder)
    found = fs.lstatSync(folder)
  }
  const isOurs = found.isDirectory() && found.uid === user && (found.mode & 0o077) === 0
  return isOurs && !mayBeSwapped(parent) ? folder : undefined
}

/** Whether somebody else can put another folder in the place of one of ours here: may write, and move what is not theirs. */
function mayBeSwapped(parent) {
  const { mode } = fs.statSync(parent)
  return (mode & 0o022) !== 0 && (mode & 0o1000) === 0
}

/** Makes a folder for this user alone. Not `recursive`, with which Node tries for ever where nothing can be made, as in /proc. */
function make(folder) {
  try {
    fs.mkdirSync(folder, 0o700)
  } catch (error) {
    // Another process was faster.
    if (error.code !== 'EEXIST') throw error
  }
}

/** Returns what was kept for a text, or undefined where it is not there or damaged. V8 itself refuses another V8's. */
function readKept(file, text, textSum) {
  const bytes = readOwn(file)
  if (bytes === undefined || bytes.length <= headerBytes) return undefined
  const kept = bytes.subarray(headerBytes)
  const sums = [text.length, textSum, zlib.crc32(kept)]
  return sums.every((sum, i) => bytes.readUInt32LE(4 * i) === sum) ? kept : undefined
}

/** Returns what stands in a file of this user's own that nobody else can write to, or undefined where it is none such. */
function readOwn(file) {
  let descriptor
  try {
    // A link is not followed, and a pipe that nobody writes to is not waited for.
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const found = fs.fstatSync(descriptor)
    const isOwn = found.isFile() && found.uid === process.geteuid() && (found.mode & 0o022) === 0
    return isOwn && found.size <= mostFileBytes ? fs.readFileSync(descriptor) : undefined
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

/** Writes what V8 has made of a text; appears when it is whole, so that others may be doing the same. */
function keep(file, text, textSum, made) {
  const header = Buffer.alloc(headerBytes)
  for (const [i, sum] of [text.length, textSum, zlib.crc32(made)].entries()) header.writeUInt32LE(sum, 4 * i)
  const aside = `${file}.${process.pid}`
  try {
    fs.writeFileSync(aside, Buffer.concat([header, made]), { flag: 'wx', mode: 0o600 })
    fs.renameSync(aside, file)
  } catch {
    fs.rmSync(aside, { force: true })
  }
}

/** Removes the least recently made files above the limit, and what processes have left that were killed. */
function tidy(folder) {
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.includes(suffix))
    .map((name) => path.join(folder, name))
    .map((file) => ({ file, found: fs.lstatSync(file, { throwIfNoEntry: false }) }))
    .filter(({ found }) => found?.isFile() === true)
    // A clock that was set back must not make others seem the newest for years.
    .map(({ file, found }) => ({ file, ms: found.mtimeMs > Date.now() + 60_000 ? 0 : found.mtimeMs }))
  for (const { file } of files.toSorted((a, b) => b.ms - a.ms).slice(mostFiles)) fs.rmSync(file, { force: true })
}

/** Loads files of the bundle by what is kept of them, and keeps at the end of the process what was not there. */
class Loader {
  #folder
  #places
  /** What is to be kept when the process ends. */
  #fresh = []

  constructor(folder, bundle, names) {
    this.#folder = folder
    this.#places = new Map(names.map((name) => [path.join(bundle, `${name}.js`), name]))
    process.once('exit', () => this.#keepAll())
  }

  /** Does what `require` does with a path. */
  load(file) {
    const known = require.cache[file]
    if (known !== undefined) return known.exports
    const module = new Module(file, require.main)
    const found = Module.createRequire(file)
    const requireFrom = (id) => {
      const place = path.join(path.dirname(file), id)
      return id.startsWith('./') && this.#places.has(place) ? this.load(place) : found(id)
    }
    const start = this.#compile(file).runInThisContext()
    module.filename = file
    require.cache[file] = module
    start.call(module.exports, module.exports, Object.assign(requireFrom, found), module, file, path.dirname(file))
    module.loaded = true
    return module.exports
  }

  #compile(filename) {
    const text = fs.readFileSync(filename)
    const textSum = zlib.crc32(text)
    const tag = [textSum, v8.cachedDataVersionTag()].map((each) => each.toString(16)).join('-')
    const file = path.join(this.#folder, `${this.#places.get(filename)}-${tag}${suffix}`)
    const cachedData = readKept(file, text, textSum)
    // As Node itself does with a module.
    const source = `(function (exports, require, module, __filename, __dirname) { ${text.toString('latin1')}\n})`
    const script = new vm.Script(source, { filename, ...(cachedData === undefined ? {} : { cachedData }) })
    if (script.cachedDataRejected !== false) this.#fresh.push({ file, text, textSum, script })
    return script
  }

  #keepAll() {
    if (this.#fresh.length === 0 || process.uptime() * 1000 > latestMs) return
    try {
      // Not before: only now V8 knows which functions are used.
      for (const { file, text, textSum, script } of this.#fresh) keep(file, text, textSum, script.createCachedData())
      tidy(this.#folder)
    } catch {
      // Then it is made again the next time.
    }
  }
}

/**
 * Loads the file `name` of the folder `bundle`, and files of it that it needs and are among `names`, by what is kept of
 * them. Their text is ASCII. Returns false where nothing can be kept, and then has done nothing.
 */
exports.loadKept = (bundle, name, names) => {
  let folder
  try {
    folder = ownFolder()
  } catch {
    // No home, or one that cannot be written to.
  }
  if (folder === undefined) return false
  new Loader(folder, bundle, names).load(path.join(bundle, `${name}.js`))
  return true
}
