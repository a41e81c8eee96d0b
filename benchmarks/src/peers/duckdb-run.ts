// Runs one query in DuckDB, from the package in a folder: `duckdb-run.js FOLDER QUERY.sql THREADS`. A program of its own,
// whose time from start to end is what is measured; started by duckdb.ts.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used of the package. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(
      path: string,
      options: Readonly<Record<string, string>>,
    ): Promise<{
      connect(): Promise<{ run(query: string): Promise<unknown> }>
    }>
  }
}

const [folder = '', query = '', threads = '1'] = process.argv.slice(2)
const { DuckDBInstance } = createRequire(join(folder, 'package.json'))('@duckdb/node-api') as DuckDb
const instance = await DuckDBInstance.create(':memory:', { threads })
const connection = await instance.connect()
await connection.run(readFileSync(query, 'utf8'))
