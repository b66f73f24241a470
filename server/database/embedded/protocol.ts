/**
 * The few bytes of the PostgreSQL wire protocol (version 3) the embedded database must understand by itself:
 * where a message ends, which prepared statement it names, and how a refusal is said. It stands between a client's
 * socket and the WASM backend, which parses everything else. Pure: bytes in, bytes out, no state, no input or output.
 * @source PostgreSQL 17 documentation, chapter 53 "Frontend/Backend Protocol", message formats 53.7
 */

/** A frontend message is at most this long: a COPY chunk or a batch of rows, far above any of ours. 64 MiB. */
export const messageBytesMax = 64 * 1024 * 1024

export const PROTOCOL_3 = 196608 // 3 << 16
export const CANCEL_REQUEST = 80877102
export const SSL_REQUEST = 80877103
export const GSS_REQUEST = 80877104

/** One message: the type letter and all its bytes, the five of the header included. */
export type WireMessage = { letter: string; bytes: Buffer }

/** Reads the zero-terminated string at an offset and says where the next field starts; throws on a missing end. */
export function readText(bytes: Buffer, offset: number): { text: string; next: number } {
  const end = bytes.indexOf(0, offset)
  if (end < 0) throw new RangeError('unterminated string in a frontend message')
  return { text: bytes.toString('utf8', offset, end), next: end + 1 }
}

/** Builds one backend or frontend message from its letter and its body. */
export function buildMessage(letter: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part)))
  const head = Buffer.alloc(5)
  head.write(letter, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** Builds the simple-query message for one text. */
export function buildQuery(sql: string): Buffer {
  return buildMessage('Q', sql, '\0')
}

/** Builds an ErrorResponse with the five fields every driver reads. */
export function buildError(severity: 'ERROR' | 'FATAL', code: string, text: string): Buffer {
  return buildMessage('E', `S${severity}\0V${severity}\0C${code}\0M${text}\0\0`)
}

/** Builds ReadyForQuery: I outside, T inside, E inside a failed transaction. */
export function buildReady(status: 'I' | 'T' | 'E'): Buffer {
  return buildMessage('Z', status)
}

/** Walks the complete messages of a buffer made by the backend; a torn tail is an error of the backend. */
export function* listMessages(bytes: Buffer): Generator<WireMessage> {
  let offset = 0
  while (offset < bytes.length) {
    const length = offset + 5 <= bytes.length ? bytes.readInt32BE(offset + 1) : -1
    const end = offset + 1 + length
    if (length < 4 || end > bytes.length) throw new RangeError('torn message from the backend')
    yield { letter: String.fromCharCode(bytes[offset]!), bytes: bytes.subarray(offset, end) }
    offset = end
  }
}

/** Renames the prepared statement a Parse message creates. */
export function renameParse(bytes: Buffer, name: string): Buffer {
  return buildMessage('P', name, '\0', bytes.subarray(readText(bytes, 5).next))
}

/** Renames the prepared statement a Bind message runs; its portal keeps its name. */
export function renameBind(bytes: Buffer, name: string): Buffer {
  const portal = readText(bytes, 5)
  const statement = readText(bytes, portal.next)
  return buildMessage('B', portal.text, '\0', name, '\0', bytes.subarray(statement.next))
}

/** Renames the prepared statement a Describe or Close message speaks of. */
export function renameTarget(letter: 'D' | 'C', name: string): Buffer {
  return buildMessage(letter, 'S', name, '\0')
}

/** The command word of a CommandComplete message, such as "LISTEN" or "DISCARD ALL". */
export function readTag(bytes: Buffer): string {
  return readText(bytes, 5).text
}

/** The SQLSTATE of an ErrorResponse, or an empty text when it has none. */
export function readErrorCode(bytes: Buffer): string {
  let offset = 5
  while (offset < bytes.length && bytes[offset] !== 0) {
    const field = readText(bytes, offset + 1)
    if (bytes[offset] === 0x43) return field.text // 'C'
    offset = field.next
  }
  return ''
}

/** The channel of a NotificationResponse. */
export function readChannel(bytes: Buffer): string {
  return readText(bytes, 9).text // letter, length, process id of the notifier
}

/** The rows of a DataRow answer as texts, used only for the server's own small questions. */
export function readRow(bytes: Buffer): (string | undefined)[] {
  const row: (string | undefined)[] = []
  let offset = 7
  for (let left = bytes.readInt16BE(5); left > 0; left--) {
    const length = bytes.readInt32BE(offset)
    offset += 4
    row.push(length < 0 ? undefined : bytes.toString('utf8', offset, offset + length))
    if (length > 0) offset += length
  }
  return row
}

const LEADING_COMMENTS = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/
const COPY_IN = /^copy\b[\s\S]*\bfrom\s+stdin\b/i

/**
 * Says how a query text uses COPY FROM STDIN: 'alone' can be served, 'mixed' (after other statements) must fail
 * cleanly, because the backend cannot wait for rows in the middle of a call.
 */
export function findCopyIn(sql: string): 'alone' | 'mixed' | undefined {
  if (!/\bfrom\s+stdin\b/i.test(sql)) return undefined
  const text = sql.replace(LEADING_COMMENTS, '')
  if (!COPY_IN.test(text)) return /\bcopy\b/i.test(text) ? 'mixed' : undefined
  const end = text.search(/;\s*\S/)
  return end < 0 ? 'alone' : 'mixed'
}

/** Builds CopyInResponse; the columns are left out (0), which no driver needs to send rows. */
export function buildCopyIn(sql: string): Buffer {
  const binary = /\bbinary\b/i.test(sql) ? 1 : 0
  return buildMessage('G', Buffer.from([binary, 0, 0]))
}

/** Lists the channels a text listens to or stops listening to; '*' stands for UNLISTEN *. Folded as SQL folds names. */
export function listChannels(sql: string): { word: 'listen' | 'unlisten'; channel: string }[] {
  const found: { word: 'listen' | 'unlisten'; channel: string }[] = []
  for (const match of sql.matchAll(/\b(un)?listen\s+("(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*|\*)/giu)) {
    const raw = match[2]!
    const channel = raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw.toLowerCase()
    found.push({ word: match[1] ? 'unlisten' : 'listen', channel })
  }
  return found
}
