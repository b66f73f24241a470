/**
 * Lets many PostgreSQL clients share the one serial session of the WASM backend, over a private socket.
 * It stands between `pg` (or psql) and backend.ts. The unit of work is everything up to Sync, Flush, Query or the end of
 * a COPY; units are never mixed, and a connection keeps the backend until it is outside a transaction again.
 * Promises: one client cannot see another's statements, settings or half a transaction; a client that leaves is rolled
 * back; a client that sleeps inside a transaction is thrown out (25P03); nothing here grows without a bound.
 * Shared all the same, because the session is one: temporary tables (use ON COMMIT DROP), advisory locks, and SET, which
 * lasts until another client's turn. Portals keep their names: they end with their transaction, which one client owns.
 */
import { randomInt, timingSafeEqual } from 'node:crypto'
import type net from 'node:net'
import { type Backend, RESET_SESSION } from './backend.ts'
import {
  buildCopyIn,
  buildError,
  buildMessage,
  buildQuery,
  buildReady,
  CANCEL_REQUEST,
  findCopyIn,
  GSS_REQUEST,
  listChannels,
  listMessages,
  messageBytesMax,
  PROTOCOL_3,
  readChannel,
  readTag,
  readText,
  renameBind,
  renameParse,
  renameTarget,
  SSL_REQUEST,
  type WireMessage,
} from './protocol.ts'

/** Clients at once; one more is refused with 53300. The server's pool, a psql or two, the watchdog. */
export const connectionsMax = 64
/** Units waiting for the backend; one more is refused with 53300 and may be sent again. */
export const waitingMax = 48
/** Bytes of one unit, rows of a COPY included: 64 MiB, what the 32-bit backend takes with room to work. */
export const unitBytesMax = 64 * 1024 * 1024
/** Prepared statements remembered for one connection. */
export const statementsMax = 1000
/** Channels one connection may listen to. */
export const channelsMax = 100
/** Notifications a listener may leave unread: 8 MiB, then it is dropped. */
export const unreadBytesMax = 8 * 1024 * 1024
/** A client that has not logged in by then is dropped. */
export const loginMaxMs = 10_000
/** The database every client must name: the build opens the one it creates first, under this name. */
export const DATABASE_NAME = 'template1'
export const USER_NAME = 'postgres'

const FRONTEND_LETTERS = 'QPBDECSHFdcf'

export type WireSettings = {
  /** Clients of the private socket are trusted by the socket's folder; others must say this. */
  password: string
  idleInTransactionMs: number
  /** The backend died inside a call: nothing can be answered any more. */
  onBackendLost(error: unknown): void
}

export type WireServer = {
  accept(socket: net.Socket, trusted: boolean): void
  measure(): { units: number; resets: number; connections: number; waiting: number }
  /** Refuses new work, rolls the owner back and says good-bye to every client. */
  close(): void
}

type Statement = { backendName: string; parse: Buffer; generation: number; copiesIn: boolean }

type Connection = {
  id: number
  socket: net.Socket
  phase: 'startup' | 'password' | 'ready' | 'copy' | 'gone'
  trusted: boolean
  chunks: Buffer[]
  chunkBytes: number
  unit: WireMessage[]
  unitBytes: number
  isWaiting: boolean
  isDiscarding: boolean
  statements: Map<string, Statement>
  statementSerial: number
  channels: Set<string>
  pendingChannels: { word: 'listen' | 'unlisten'; channel: string }[]
}

/** What one unit becomes for the backend: its bytes, and which answers are ours and not the client's. */
type Prepared = {
  bytes: Buffer
  parses: { name: string; statement: Statement; isOurs: boolean }[]
  closes: string[]
  hidesCopy: boolean
}

/** Starts sharing a backend; sockets are handed in by the caller. */
export function createWireServer(backend: Backend, settings: WireSettings): WireServer {
  const connections = new Set<Connection>()
  const waiting: Connection[] = []
  const parameters = readParameters(backend)
  let owner: Connection | undefined
  let lastOwner: Connection | undefined
  let idleTimer: NodeJS.Timeout | undefined
  let isPumping = false
  let isClosing = false
  let serial = 0
  let units = 0
  let resets = 0
  // Grows when a client throws away every statement of the session (DISCARD ALL); the others are parsed again on use.
  let generation = 0
  let unnamedOwner: Connection | undefined

  const send = (connection: Connection, ...parts: Buffer[]) => {
    if (connection.phase !== 'gone' && connection.socket.writable) connection.socket.write(Buffer.concat(parts))
  }

  const runBackend = (bytes: Buffer) => {
    units++
    try {
      return backend.run(bytes)
    } catch (error) {
      settings.onBackendLost(error)
      throw error
    }
  }

  const drop = (connection: Connection, code: string, text: string) => {
    send(connection, buildError('FATAL', code, text))
    connection.socket.end()
    forget(connection)
  }

  const dropMalformed = (connection: Connection, error: unknown) => {
    if (!(error instanceof RangeError)) throw error // readText and Buffer's readers say RangeError; the rest is a bug
    drop(connection, '08P01', `malformed message: ${error.message}`)
  }

  const forget = (connection: Connection) => {
    if (connection.phase === 'gone') return
    connection.phase = 'gone'
    connections.delete(connection)
    const place = waiting.indexOf(connection)
    if (place >= 0) waiting.splice(place, 1)
    connection.chunks = []
    connection.unit = []
    if (owner === connection) {
      // The answer to Sync ends a half-sent extended exchange, the ROLLBACK what was open.
      runBackend(buildMessage('S'))
      runBackend(buildQuery('ROLLBACK'))
      setOwner(undefined)
    }
    if (unnamedOwner === connection) unnamedOwner = undefined
    const closes: Buffer[] = []
    for (const statement of connection.statements.values()) {
      if (statement.backendName !== '' && statement.generation === generation) {
        closes.push(renameTarget('C', statement.backendName))
      }
    }
    const orphans = [...connection.channels].filter(channel => ![...connections].some(c => c.channels.has(channel)))
    // Only outside another client's transaction: what belongs to nobody is taken away when the backend is free.
    if (closes.length > 0) leftovers.push(Buffer.concat([...closes, buildMessage('S')]))
    for (const channel of orphans) leftovers.push(buildQuery(`UNLISTEN "${channel.replaceAll('"', '""')}"`))
    schedule()
  }
  const leftovers: Buffer[] = [] // at most what connectionsMax clients can leave while one transaction runs

  const setOwner = (connection: Connection | undefined) => {
    clearTimeout(idleTimer)
    owner = connection
    if (!connection) return
    idleTimer = setTimeout(() => {
      drop(connection, '25P03', 'terminating connection due to idle-in-transaction timeout')
    }, settings.idleInTransactionMs)
  }

  const schedule = () => {
    if (isPumping || (waiting.length === 0 && leftovers.length === 0)) return
    isPumping = true
    setImmediate(pump)
  }

  const pump = () => {
    isPumping = false
    if (isClosing) return
    if (!owner && leftovers.length > 0) {
      for (const bytes of leftovers.splice(0)) runBackend(bytes)
      unnamedOwner = undefined
    }
    const place = owner ? waiting.indexOf(owner) : 0
    const next = waiting[place]
    if (!next) return
    waiting.splice(place, 1)
    next.isWaiting = false
    execute(next)
    if (next.phase !== 'gone') readOn(next)
    schedule()
  }

  /** Takes a client's next messages; one that does not read its answers must do so first. */
  const readOn = (connection: Connection) => {
    if (connection.socket.writableNeedDrain) {
      connection.socket.once('drain', () => readOn(connection))
      return
    }
    connection.socket.resume()
    readMessages(connection)
  }

  const execute = (connection: Connection) => {
    if (lastOwner !== connection) {
      if (lastOwner) {
        runBackend(buildQuery(RESET_SESSION))
        unnamedOwner = undefined // a simple query throws the unnamed statement away
        resets++
      }
      lastOwner = connection
    }
    let prepared: Prepared
    try {
      prepared = prepare(connection)
    } catch (error) {
      dropMalformed(connection, error)
      return
    }
    connection.unit = []
    connection.unitBytes = 0
    if (prepared.bytes.length === 0) return
    clearTimeout(idleTimer)
    const { answer, cut } = runBackend(prepared.bytes)
    if (cut) {
      setOwner(connection)
      drop(connection, '54000', 'the answer is longer than the embedded database can hold; use LIMIT or a cursor')
      return
    }
    relay(connection, prepared, answer)
  }

  const relay = (connection: Connection, prepared: Prepared, answer: Buffer) => {
    const kept: Buffer[] = []
    let status: string | undefined
    let parsed = 0
    let hasError = false
    for (const message of listMessages(answer)) {
      if (message.letter === '1') {
        const parse = prepared.parses[parsed++]
        if (parse) connection.statements.set(parse.name, parse.statement)
        if (parse?.isOurs) continue
      } else if (message.letter === 'A') {
        const channel = readChannel(message.bytes)
        for (const listener of [...connections]) {
          if (!listener.channels.has(channel)) continue
          if (listener.socket.writableLength <= unreadBytesMax) send(listener, message.bytes)
          else if (listener !== connection) drop(listener, '53400', 'notifications are not being read')
        }
        continue
      } else if (message.letter === 'G' && prepared.hidesCopy) {
        continue // the client has had ours before it sent its rows
      } else if (message.letter === 'C') {
        noteTag(connection, readTag(message.bytes))
      } else if (message.letter === 'E') {
        hasError = true
      } else if (message.letter === 'Z') {
        status = String.fromCharCode(message.bytes[5]!)
      }
      kept.push(message.bytes)
    }
    if (!hasError) for (const name of prepared.closes) connection.statements.delete(name)
    connection.pendingChannels = []
    send(connection, ...kept)
    setOwner(status === 'I' ? undefined : connection)
  }

  const noteTag = (connection: Connection, tag: string) => {
    if (tag === 'LISTEN' || tag === 'UNLISTEN') {
      const word = tag === 'LISTEN' ? 'listen' : 'unlisten'
      const place = connection.pendingChannels.findIndex(wish => wish.word === word)
      const wish = place >= 0 ? connection.pendingChannels.splice(place, 1)[0] : undefined
      if (!wish) return
      if (word === 'listen' && connection.channels.size < channelsMax) connection.channels.add(wish.channel)
      if (word === 'unlisten') keepListening(connection, wish.channel === '*' ? undefined : wish.channel)
    } else if (tag === 'DISCARD ALL' || tag === 'DEALLOCATE ALL') {
      generation++
      connection.statements.clear()
      if (tag === 'DISCARD ALL') keepListening(connection, undefined)
    }
  }

  /** One client's UNLISTEN ended the session's listening for all: the others' channels are opened again. */
  const keepListening = (connection: Connection, channel: string | undefined) => {
    const left = channel === undefined ? [...connection.channels] : [channel]
    for (const one of left) connection.channels.delete(one)
    const wanted = new Set([...connections].flatMap(other => [...other.channels]))
    for (const one of wanted) leftovers.push(buildQuery(`LISTEN "${one.replaceAll('"', '""')}"`))
  }

  const prepare = (connection: Connection): Prepared => {
    const out: Buffer[] = []
    const parses: Prepared['parses'] = []
    const closes: string[] = []
    const inUnit = new Map<string, Statement>()
    let hidesCopy = false
    let copiesIn = false

    const use = (name: string): Statement | undefined => {
      const known = inUnit.get(name) ?? connection.statements.get(name)
      if (!known || inUnit.has(name)) return known
      const isThere = known.generation === generation && (name !== '' || unnamedOwner === connection)
      if (isThere) return known
      const again = { ...known, generation }
      inUnit.set(name, again)
      parses.push({ name, statement: again, isOurs: true })
      out.push(renameParse(again.parse, again.backendName))
      if (name === '') unnamedOwner = connection
      return again
    }

    for (const message of connection.unit) {
      const { letter, bytes } = message
      if (letter === 'Q') {
        const sql = readText(bytes, 5).text
        connection.pendingChannels = listChannels(sql)
        unnamedOwner = undefined
        connection.statements.delete('')
        out.push(bytes)
        const copy = findCopyIn(sql)
        if (copy === 'alone' && connection.unit.length > 1) hidesCopy = true
        else if (copy) out.push(buildMessage('f', 'COPY FROM STDIN must be the only statement of its query\0'))
      } else if (letter === 'P') {
        const name = readText(bytes, 5)
        const sql = readText(bytes, name.next).text
        connection.pendingChannels.push(...listChannels(sql))
        const old = inUnit.get(name.text) ?? connection.statements.get(name.text)
        const backendName =
          name.text === '' ? '' : (old?.backendName ?? `c${connection.id}_${++connection.statementSerial}`)
        // Copied: a slice would keep its whole 64 KiB socket chunk alive as long as the statement.
        const statement = {
          backendName,
          parse: Buffer.from(bytes),
          generation,
          copiesIn: findCopyIn(sql) !== undefined,
        }
        inUnit.set(name.text, statement)
        parses.push({ name: name.text, statement, isOurs: false })
        if (name.text === '') unnamedOwner = connection
        out.push(renameParse(bytes, backendName))
      } else if (letter === 'B') {
        const statement = use(readText(bytes, readText(bytes, 5).next).text)
        copiesIn = statement?.copiesIn ?? false
        out.push(statement ? renameBind(bytes, statement.backendName) : renameBind(bytes, `c${connection.id}_unknown`))
      } else if ((letter === 'D' || letter === 'C') && bytes[5] === 0x53) {
        const name = readText(bytes, 6).text
        const statement = letter === 'D' ? use(name) : (inUnit.get(name) ?? connection.statements.get(name))
        out.push(renameTarget(letter, statement ? statement.backendName : `c${connection.id}_unknown`))
        if (letter === 'C') {
          closes.push(name)
          inUnit.delete(name)
        }
      } else if (letter === 'E' && copiesIn) {
        out.push(bytes, buildMessage('f', 'COPY FROM STDIN is served in the simple query protocol only\0'))
      } else {
        out.push(bytes)
      }
    }
    return { bytes: Buffer.concat(out), parses, closes, hidesCopy }
  }

  /** A unit is complete: it waits for the backend, and its connection is not read until it has been answered. */
  const submit = (connection: Connection) => {
    if (waiting.length >= waitingMax && owner !== connection) {
      connection.unit = []
      connection.unitBytes = 0
      send(connection, buildError('ERROR', '53300', 'the embedded database has too much waiting work'), buildReady('I'))
      return
    }
    connection.isWaiting = true
    connection.socket.pause()
    waiting.push(connection)
    schedule()
  }

  const takeMessage = (connection: Connection, message: WireMessage) => {
    const { letter, bytes } = message
    if (letter === 'X') {
      connection.socket.end()
      forget(connection)
      return
    }
    if (connection.phase === 'password') {
      const said = Buffer.from(letter === 'p' ? readText(bytes, 5).text : '')
      const right = Buffer.from(settings.password)
      if (said.length === right.length && timingSafeEqual(said, right)) welcome(connection)
      else drop(connection, '28P01', `password authentication failed for user "${USER_NAME}"`)
      return
    }
    if (connection.phase === 'copy') {
      if (letter === 'H' || letter === 'S') return
      if (letter !== 'd' && letter !== 'c' && letter !== 'f') {
        drop(connection, '08P01', 'unexpected message during COPY from stdin')
        return
      }
      keep(connection, message)
      if (letter === 'd') return
      connection.phase = 'ready'
      if (connection.isDiscarding) refuseUnit(connection)
      else submit(connection)
      return
    }
    if (!FRONTEND_LETTERS.includes(letter)) {
      drop(connection, '08P01', 'unknown message type') // the backend would end itself over it, for everybody
      return
    }
    if (letter === 'd' || letter === 'c' || letter === 'f') return // left over from a COPY that failed
    if (letter === 'F') {
      keep(connection, { letter: 'Q', bytes: buildQuery('DO $$ BEGIN RAISE feature_not_supported; END $$') })
      submit(connection)
      return
    }
    if (letter === 'P' && connection.statements.size >= statementsMax) {
      drop(connection, '53400', `more than ${statementsMax} prepared statements`)
      return
    }
    keep(connection, message)
    if (letter === 'Q') {
      const sql = readText(bytes, 5).text
      if (findCopyIn(sql) === 'alone' && !connection.isDiscarding) {
        connection.phase = 'copy'
        send(connection, buildCopyIn(sql))
        return
      }
    }
    if (letter !== 'Q' && letter !== 'S' && letter !== 'H') return
    if (connection.isDiscarding) refuseUnit(connection)
    else submit(connection)
  }

  const keep = (connection: Connection, message: WireMessage) => {
    connection.unitBytes += message.bytes.length
    if (connection.unitBytes > unitBytesMax) {
      connection.isDiscarding = true // read on to the end of the unit, then refuse it as a whole
      connection.unit = []
    } else {
      connection.unit.push(message)
    }
  }

  const refuseUnit = (connection: Connection) => {
    connection.isDiscarding = false
    connection.unitBytes = 0
    connection.unit = []
    const error = buildError(
      'ERROR',
      '54000',
      `one unit of work is at most ${unitBytesMax} bytes; send smaller batches`,
    )
    if (owner !== connection) {
      send(connection, error, buildReady('I'))
      return
    }
    runBackend(buildQuery('ROLLBACK')) // a refused part must not leave the rest of its transaction alive
    setOwner(undefined)
    send(connection, error, buildReady('I'))
    schedule()
  }

  const takeStartup = (connection: Connection, bytes: Buffer) => {
    const code = bytes.readInt32BE(4)
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      connection.socket.write('N')
      return
    }
    if (code === CANCEL_REQUEST) {
      connection.socket.end() // a running call cannot be interrupted
      forget(connection)
      return
    }
    if (code !== PROTOCOL_3) {
      drop(connection, '0A000', 'unsupported frontend protocol')
      return
    }
    const said = new Map<string, string>()
    for (let offset = 8; offset < bytes.length - 1; ) {
      const key = readText(bytes, offset)
      const value = readText(bytes, key.next)
      said.set(key.text, value.text)
      offset = value.next
    }
    if ((said.get('database') ?? said.get('user')) !== DATABASE_NAME) {
      drop(connection, '3D000', `the embedded database has one database: "${DATABASE_NAME}"`)
      return
    }
    if (said.get('user') !== USER_NAME) {
      drop(connection, '28000', `the embedded database has one user: "${USER_NAME}"`)
      return
    }
    if (connections.size > connectionsMax) {
      drop(connection, '53300', 'sorry, too many clients already')
      return
    }
    if (connection.trusted) {
      welcome(connection)
      return
    }
    connection.phase = 'password'
    send(connection, buildMessage('R', Buffer.from([0, 0, 0, 3])))
  }

  const welcome = (connection: Connection) => {
    connection.phase = 'ready'
    connection.socket.setTimeout(0)
    const key = Buffer.alloc(8)
    key.writeInt32BE(connection.id, 0)
    key.writeInt32BE(randomInt(2 ** 31), 4)
    send(
      connection,
      buildMessage('R', Buffer.alloc(4)),
      ...parameters.map(([name, value]) => buildMessage('S', `${name}\0${value}\0`)),
      buildMessage('K', key),
      buildReady('I'),
    )
  }

  const readMessages = (connection: Connection) => {
    try {
      while (connection.phase !== 'gone' && !connection.isWaiting) {
        const isStartup = connection.phase === 'startup'
        const headBytes = isStartup ? 4 : 5
        if (connection.chunkBytes < headBytes) return
        let bytes = connection.chunks[0]!
        if (bytes.length < headBytes) bytes = joinChunks(connection)
        const length = bytes.readInt32BE(headBytes - 4)
        const total = length + headBytes - 4
        if (length < 4 || length > (isStartup ? 10_000 : messageBytesMax)) {
          drop(connection, '08P01', 'invalid message length')
          return
        }
        if (connection.chunkBytes < total) return
        if (bytes.length < total) bytes = joinChunks(connection)
        connection.chunkBytes -= total
        if (bytes.length === total) connection.chunks.shift()
        else connection.chunks[0] = bytes.subarray(total)
        const message = bytes.subarray(0, total)
        if (isStartup) takeStartup(connection, message)
        else takeMessage(connection, { letter: String.fromCharCode(message[0]!), bytes: message })
      }
    } catch (error) {
      dropMalformed(connection, error)
    }
  }

  return {
    accept(socket, trusted) {
      const connection: Connection = {
        id: ++serial,
        socket,
        phase: 'startup',
        trusted,
        chunks: [],
        chunkBytes: 0,
        unit: [],
        unitBytes: 0,
        isWaiting: false,
        isDiscarding: false,
        statements: new Map(),
        statementSerial: 0,
        channels: new Set(),
        pendingChannels: [],
      }
      if (isClosing || connections.size >= connectionsMax * 2) {
        socket.destroy()
        return
      }
      connections.add(connection)
      socket.setTimeout(loginMaxMs, () => drop(connection, '08P01', 'no login in time'))
      socket.on('data', chunk => {
        connection.chunks.push(chunk as Buffer)
        connection.chunkBytes += chunk.length
        readMessages(connection)
      })
      socket.on('error', () => forget(connection))
      socket.on('close', () => forget(connection))
    },
    measure: () => ({ units, resets, connections: connections.size, waiting: waiting.length }),
    close() {
      for (const connection of connections) drop(connection, '57P01', 'the embedded database is shutting down')
      isClosing = true
      clearTimeout(idleTimer)
      for (const bytes of leftovers.splice(0)) backend.run(bytes)
    },
  }
}

function joinChunks(connection: Connection): Buffer {
  const joined = Buffer.concat(connection.chunks)
  connection.chunks = [joined]
  return joined
}

/** What a server says about itself after a login; asked from the backend, so that drivers read the truth. */
function readParameters(backend: Backend): [string, string][] {
  const names = ['server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'integer_datetimes']
  names.push('IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'is_superuser', 'session_authorization')
  return names.map(name => [name, backend.ask(`SHOW ${name}`)[0]?.[0] ?? ''])
}
