/**
 * A server in miniature for the tests that kill it: starts the embedded database in a directory, stores one row,
 * prints the database's pid and socket folder and then lives until it is killed.
 */
import { startEmbedded } from '../../server/database/embedded/embedded.ts'
import { connectEmbedded } from './embedded.ts'

const embedded = await startEmbedded({ directory: process.argv[2]! })
const client = await connectEmbedded(embedded)
await client.query('CREATE TABLE orphaned (n int)')
await client.query('INSERT INTO orphaned VALUES (1)')
console.log(JSON.stringify({ pid: embedded.pid(), host: embedded.host }))
