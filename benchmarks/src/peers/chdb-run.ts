// Runs one query in chDB, from the package in a folder: `chdb-run.js FOLDER QUERY.sql THREADS`. A program of its own, whose
// time from start to end is what is measured; started by chdb.ts.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used of the package. */
interface Chdb {
  readonly Session: new () => { query(query: string): unknown; cleanup(): void }
}

const [folder = '', query = '', threads = '1'] = process.argv.slice(2)
const { Session } = createRequire(join(folder, 'package.json'))('chdb') as Chdb
const session = new Session()
// A thousand rules are a longer query than the parser takes by itself, and one that nests deeper.
const settings = ['max_query_size = 100000000', 'max_ast_elements = 10000000', 'max_expanded_ast_elements = 10000000']
session.query(`SET ${settings.join(', ')}, max_threads = ${threads}`)
session.query(readFileSync(query, 'utf8'))
session.cleanup()
