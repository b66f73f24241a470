/**
 * The main module of the embedded database's own process: takes the data directory, opens the backend, then the doors.
 * It is started by embedded.ts only, without secrets in its environment and under Node's permission model.
 * Promises: nobody connects before TimescaleDB is loaded; it stops cleanly (CHECKPOINT, close) when it is told to or
 * when the process that started it is gone, and by nothing else: the terminal's Ctrl-C is the server's to answer.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import { type Backend, EXIT_BACKEND, EXIT_OWNED, openBackend } from './backend.ts'
import { type Owner, takeOwnership } from './owner-lock.ts'
import { createWireServer, type WireServer } from './wire-server.ts'

/** What the parent passes as the only argument, as JSON. */
export type ChildOrder = {
  directory: string
  socketPath: string
  /** The socket's folder was made for this start; an orphan takes it away with itself. */
  isSocketFolderOurs: boolean
  port: number | undefined
  idleInTransactionMs: number
  packageUrls: { database: string; timescale: string }
}

export type ChildFigures = {
  syncs: number
  units: number
  resets: number
  connections: number
  waiting: number
}

export type ParentWord = { word: 'stop' } | { word: 'measure'; id: number }

export type ChildWord =
  | { word: 'ready'; port: number | undefined }
  | { word: 'owned'; owner: Owner | undefined }
  | { word: 'measured'; id: number; figures: ChildFigures }

/** A server that was killed leaves a child that is still writing its checkpoint: this long we wait for it. */
const orphanWaitMs = 90_000
const orphanPollMs = 200

const order = JSON.parse(process.argv[2] ?? '{}') as ChildOrder
const say = (word: ChildWord) => {
  if (process.connected) process.send?.(word)
}

let backend: Backend | undefined
let wire: WireServer | undefined
let release = () => {}
let isStopping = false
const doors: net.Server[] = []

function stop(): void {
  if (isStopping) return
  isStopping = true
  let code = 0
  try {
    for (const door of doors) door.close()
    wire?.close()
    backend?.close()
  } catch (error) {
    fs.writeSync(2, `embedded database: the stop was not clean: ${String(error)}\n`)
    code = EXIT_BACKEND
  }
  fs.rmSync(order.socketPath, { force: true })
  if (!process.connected && order.isSocketFolderOurs) fs.rmSync(dirname(order.socketPath), { recursive: true })
  release()
  process.exit(code)
}

function isParentGone(owner: Owner | undefined): boolean {
  if (!owner) return true // it has just begun or just ended; the next look will tell
  try {
    process.kill(owner.parentPid, 0)
    return false
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH'
  }
}

async function takeDirectory(): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += orphanPollMs) {
    const taken = takeOwnership(order.directory)
    if ('release' in taken) {
      release = taken.release
      return
    }
    if (!isParentGone(taken.heldBy) || waitedMs >= orphanWaitMs || !process.connected) {
      say({ word: 'owned', owner: taken.heldBy })
      process.exit(EXIT_OWNED)
    }
    await new Promise(resolve => setTimeout(resolve, orphanPollMs))
  }
}

function readPassword(): string {
  const file = join(order.directory, 'password')
  try {
    return fs.readFileSync(file, 'utf8').trim()
  } catch {
    const password = randomBytes(24).toString('base64url')
    fs.writeFileSync(file, `${password}\n`, { mode: 0o600 })
    return password
  }
}

function openDoor(wireServer: WireServer, trusted: boolean, where: net.ListenOptions): Promise<net.Server> {
  const door = net.createServer(socket => wireServer.accept(socket, trusted))
  doors.push(door)
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen(where, () => resolve(door))
  })
}

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', stop)
process.on('message', (message: ParentWord) => {
  if (message.word === 'stop') stop()
  else if (backend && wire) {
    say({ word: 'measured', id: message.id, figures: { syncs: backend.syncs(), ...wire.measure() } })
  }
})

await takeDirectory()
const clusterDirectory = join(order.directory, 'postgres')
// A first start that was killed leaves half a cluster nobody ever connected to: it is made again from nothing.
const creatingMark = join(order.directory, 'creating')
if (fs.existsSync(creatingMark)) fs.rmSync(clusterDirectory, { recursive: true, force: true })
fs.mkdirSync(clusterDirectory, { recursive: true, mode: 0o700 })
const isNew = fs.readdirSync(clusterDirectory).length === 0
if (isNew) fs.writeFileSync(creatingMark, '')
backend = await openBackend(clusterDirectory, order.packageUrls)
if (isNew) {
  backend.ask('CHECKPOINT')
  fs.rmSync(creatingMark)
}
wire = createWireServer(backend, {
  password: readPassword(),
  idleInTransactionMs: order.idleInTransactionMs,
  onBackendLost(error) {
    fs.writeSync(2, `embedded database: the backend died: ${String((error as Error)?.stack ?? error)}\n`)
    process.exit(EXIT_BACKEND)
  },
})
fs.rmSync(order.socketPath, { force: true })
await openDoor(wire, true, { path: order.socketPath })
let port: number | undefined
if (order.port !== undefined) {
  const door = await openDoor(wire, false, { host: '127.0.0.1', port: order.port })
  port = (door.address() as net.AddressInfo).port
}
if (process.connected) say({ word: 'ready', port })
else stop()
