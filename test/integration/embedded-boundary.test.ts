/**
 * Units of every length around the pieces PostgreSQL reads its socket in: none may hang. Found by a replay that stood still at
 * one length in 8,192.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { openDatabase } from '../../server/database/pool.ts'
import { makeDirectory } from '../help/embedded.ts'

test('DB-35 a unit that ends on a read boundary of the backend is answered like any other', async () => {
  const directory = makeDirectory('boundary')
  const database = await openDatabase({ directory })
  try {
    for (const piece of [1, 2, 5])
      for (let length = piece * 8_192 - 120; length <= piece * 8_192 + 20; length++) {
        const { rows } = await database.pool.query<{ n: number }>('SELECT length($1::text) AS n', ['x'.repeat(length)])
        assert.equal(rows[0]!.n, length)
      }
    // The same for a simple query, which has another frame.
    for (let length = 8_192 - 60; length <= 8_192 + 10; length++) {
      const { rows } = await database.pool.query<{ n: number }>(`SELECT length('${'x'.repeat(length)}') AS n`)
      assert.equal(rows[0]!.n, length)
    }
  } finally {
    await database.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
