/**
 * Copy: rows as PostgreSQL's binary COPY stream, in both directions, and the queries that carry it. Stands under postgres.ts, for
 * the big tables alone: half of what arrays and text rows cost on both sides. Promises: a row is written and read whole or the
 * copy fails; a failed copy fails the transaction around it, like any statement.
 */
import type { ClientBase, Submittable } from 'pg'

/** SQL types a column of a big table may have. */
export type CopyType = 'bigint' | 'text' | 'float8'

/** Signature, flags, and no header extension. @source PostgreSQL 15 manual, COPY, "Binary Format" */
const header = Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const trailerBytes = 2
/** First guess of a row's bytes: 14 fields of 4 + 8, and some text. */
const rowBytesGuess = 200
const two32 = 2 ** 32

/** Collects rows; the caller says each field of each row in the order of the columns. */
export type CopyRows = {
  startRow(fields: number): void
  addInt8(value: number): void
  addFloat8(value: number): void
  addText(value: string): void
  addNull(): void
  /** The whole stream; nothing may be added after it. */
  finish(): Buffer
}

/** Starts a stream for about this many rows. */
export function createCopyRows(rows: number): CopyRows {
  let bytes = Buffer.allocUnsafe(header.length + trailerBytes + rows * rowBytesGuess)
  header.copy(bytes)
  let at = header.length
  const reserve = (n: number) => {
    if (at + n + trailerBytes <= bytes.length) return
    const grown = Buffer.allocUnsafe((at + n + trailerBytes) * 2)
    bytes.copy(grown, 0, 0, at)
    bytes = grown
  }
  return {
    startRow(fields) {
      reserve(2)
      at = bytes.writeInt16BE(fields, at)
    },
    addInt8(value) {
      reserve(12)
      at = bytes.writeInt32BE(8, at)
      at = bytes.writeInt32BE(Math.floor(value / two32), at)
      at = bytes.writeUInt32BE(value >>> 0, at)
    },
    addFloat8(value) {
      reserve(12)
      at = bytes.writeInt32BE(8, at)
      at = bytes.writeDoubleBE(value, at)
    },
    addText(value) {
      // UTF-8 takes at most three bytes for a UTF-16 unit.
      reserve(4 + value.length * 3)
      const from = at + 4
      let end = from
      // Ids are short ASCII: a loop beats the call that encodes any text.
      for (let i = 0; i < value.length; i++) {
        const c = value.charCodeAt(i)
        if (c > 0x7f) {
          end = from + bytes.write(value, from, 'utf8')
          break
        }
        bytes[end++] = c
      }
      bytes.writeInt32BE(end - from, at)
      at = end
    },
    addNull() {
      reserve(4)
      at = bytes.writeInt32BE(-1, at)
    },
    finish() {
      bytes.writeInt16BE(-1, at)
      return bytes.subarray(0, at + trailerBytes)
    },
  }
}

type CopyConnection = {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(text: string): void
}

/** Sends a stream by `COPY … FROM STDIN`; resolves when the server has taken all rows, `onSent` when all is on its way. */
export function copyIn(client: ClientBase, sql: string, bytes: Buffer, onSent?: () => void): Promise<void> {
  return new Promise((resolve, fail) => {
    const query = {
      // The client calls this with an error, or with nothing when the server is ready again.
      callback: (error?: Error | null) => (error ? fail(error) : resolve()),
      submit(connection: unknown) {
        ;(connection as CopyConnection).query(sql)
      },
      handleCopyInResponse(connection: CopyConnection) {
        connection.sendCopyFromChunk(bytes)
        connection.endCopyFrom()
        onSent?.()
      },
      handleCommandComplete() {},
      handleError(error: Error) {
        query.callback(error)
      },
      handleReadyForQuery() {
        query.callback()
      },
    }
    client.query(query as unknown as Submittable)
  })
}

/** Fields of one row of a COPY stream, taken one after the other in the order of the columns. */
export type CopyFields = {
  /** An int8 that a number holds exactly; throws beyond 2^53. */
  takeInt8(): number
  takeFloat8(): number | undefined
  takeText(): string | undefined
}

/** Texts of a city repeat in every row (units, sources, epochs): this many are kept decoded. */
const textsMax = 20_000
/** Longest text worth keeping, in bytes: an id with room. */
const textKeptBytes = 64

/** Walks the rows of a stream; call `take` with each message. A message holds whole rows, as every server sends them. */
function createCopyReader(onRow: (fields: CopyFields) => void): (chunk: Buffer) => void {
  let bytes: Buffer = Buffer.alloc(0)
  let at = 0
  let isStarted = false
  const texts = new Map<string, string>()
  const takeLength = () => {
    const length = bytes.readInt32BE(at)
    at += 4
    return length
  }
  const fields: CopyFields = {
    takeInt8() {
      if (takeLength() !== 8) throw new Error('an int8 is missing in the copied row')
      const value = bytes.readInt32BE(at) * two32 + bytes.readUInt32BE(at + 4)
      at += 8
      if (!Number.isSafeInteger(value)) throw new Error('integer beyond exact range in the copied row')
      return value
    },
    takeFloat8() {
      const length = takeLength()
      if (length < 0) return undefined
      const value = bytes.readDoubleBE(at)
      at += length
      return value
    },
    takeText() {
      const length = takeLength()
      if (length < 0) return undefined
      at += length
      if (length > textKeptBytes) return bytes.toString('utf8', at - length, at)
      const latin = bytes.toString('latin1', at - length, at)
      let text = texts.get(latin)
      if (text === undefined) {
        text = bytes.toString('utf8', at - length, at)
        if (texts.size < textsMax) texts.set(latin, text)
      }
      return text
    },
  }
  return chunk => {
    bytes = chunk
    at = 0
    if (!isStarted) {
      isStarted = true
      // The signature, the flags, and as many bytes of extension as the header says.
      at = header.length + bytes.readInt32BE(header.length - 4)
    }
    while (at < bytes.length) {
      const count = bytes.readInt16BE(at)
      at += 2
      if (count < 0) return
      onRow(fields)
    }
  }
}

/** Reads by `COPY (…) TO STDOUT`; resolves when the last row has been given to `onRow`, which must take every field. */
export function copyOut(client: ClientBase, sql: string, onRow: (fields: CopyFields) => void): Promise<void> {
  return new Promise((resolve, fail) => {
    const take = createCopyReader(onRow)
    let fault: Error | undefined
    const query = {
      callback: (error?: Error | null) => {
        const failed = error ?? fault
        if (failed) fail(failed)
        else resolve()
      },
      submit(connection: unknown) {
        ;(connection as CopyConnection).query(sql)
      },
      handleCopyData({ chunk }: { chunk: Buffer }) {
        if (fault) return
        // Thrown here it would end the process from inside the socket; it fails the read instead.
        try {
          take(chunk)
        } catch (error) {
          fault = error as Error
        }
      },
      handleCommandComplete() {},
      handleError(error: Error) {
        query.callback(error)
      },
      handleReadyForQuery() {
        query.callback()
      },
    }
    client.query(query as unknown as Submittable)
  })
}
