/**
 * Copy: rows of one table as PostgreSQL's binary COPY stream, and the query that sends them. Stands under postgres.ts, for the
 * big tables alone: half of what an insert of arrays costs on both sides. Promises: a row is written whole or the copy fails; a
 * failed copy fails the transaction around it, like any statement.
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
