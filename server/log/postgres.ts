/**
 * PostgreSQL log: the truth on disk, with TimescaleDB hypertables for the big kinds when it is there and plain tables when not.
 * One transaction a group, big rows by binary COPY, fenced by the lease row that every append updates. Reads merge four tables by seq.
 */
import { escapeLiteral, type Pool, type PoolClient, type QueryResult } from 'pg'
import { type Entry, kinds, type Outcome } from '#contract/entry.ts'
import { genesisHash } from './chain.ts'
import { type CopyFields, type CopyType, copyIn, copyOut, createCopyRows } from './copy.ts'
import {
  type Checkpoint,
  type Commit,
  type CommitRow,
  checkpointsKept,
  type Era,
  type Head,
  LeaseLost,
  type Log,
  type LoggedEntry,
  readMax,
} from './log.ts'

/** Token of the lease this process holds; appends of any other token change nothing. */
export type Fence = { name: string; token: number; formerHolder?: string }

/**
 * Life of the lease after each append; the ticker appends every second. Short enough that a standby takes over within 5 s of a
 * sudden death, and harmless when a slow disk outlives it: a token that was overtaken appends nothing.
 */
const leaseLife = "interval '3 seconds'"

/** Reads of more than this many seqs are the start of a long walk, worth an up-to-date index. */
const summariseFrom = 1_000

/** Columns every big table begins with. */
const envelope = ['seq', 'logged_at', 'source', 'epoch', 'source_seq', 'occurred_at', 'received_at'] as const

/** Body columns of each big table: column, SQL type, field of the body. */
const bigBodies = {
  position: [
    ['unit_id', 'text', 'unitId'],
    ['lon', 'float8', 'lon'],
    ['lat', 'float8', 'lat'],
    ['speed_kmh', 'float8', 'speedKmh'],
    ['course_deg', 'float8', 'courseDeg'],
    ['altitude_m', 'float8', 'altitudeM'],
    ['accuracy_m', 'float8', 'accuracyM'],
  ],
  vitals: [
    ['unit_id', 'text', 'unitId'],
    ['incident_id', 'text', 'incidentId'],
    ['hr_per_min', 'float8', 'hrPerMin'],
    ['spo2_pct', 'float8', 'spo2Pct'],
    ['rr_per_min', 'float8', 'rrPerMin'],
    ['sbp_mm_hg', 'float8', 'sbpMmHg'],
    ['dbp_mm_hg', 'float8', 'dbpMmHg'],
    ['map_mm_hg', 'float8', 'mapMmHg'],
    ['temp_c', 'float8', 'tempC'],
  ],
  tick: [
    ['gap_ms', 'bigint', 'gapMs'],
    ['boundary', 'text', 'boundary'],
  ],
} as const satisfies Record<string, readonly (readonly [string, CopyType, string])[]>
type Big = keyof typeof bigBodies
const bigKinds: Record<Big, Entry['kind']> = { position: 'unit.position', vitals: 'unit.vitals', tick: 'clock.ticked' }

const bigNames = Object.keys(bigBodies) as Big[]

/** The big table an entry goes to; undefined for the small one. An entry said by a person or under a UUID is always small. */
function findBigTable(entry: Entry): Big | undefined {
  const { storage } = kinds[entry.kind]
  if (storage === 'small' || entry.epoch === undefined || entry.uuid !== undefined || entry.actor !== undefined)
    return undefined
  return storage
}

/** Rows of one big table as a COPY stream, in the order of its columns. */
function encodeRows(big: Big, rows: readonly Entry[]): Buffer {
  const copy = createCopyRows(rows.length)
  const fields = bigBodies[big]
  for (const entry of rows) {
    copy.startRow(envelope.length + fields.length)
    copy.addInt8(entry.seq)
    copy.addInt8(entry.loggedAt)
    copy.addText(entry.source)
    copy.addText(entry.epoch!)
    copy.addInt8(entry.sourceSeq!)
    copy.addInt8(entry.occurredAt)
    copy.addInt8(entry.receivedAt)
    const said = entry.body as Readonly<Record<string, unknown>>
    for (const [, type, field] of fields) {
      const value = said[field]
      if (value === undefined || value === null) copy.addNull()
      else if (type === 'text') copy.addText(value as string)
      else if (type === 'bigint') copy.addInt8(value as number)
      else copy.addFloat8(value as number)
    }
  }
  return copy.finish()
}

const bigCopies = Object.fromEntries(
  bigNames.map(big => [
    big,
    `COPY ${big} (${[...envelope, ...bigBodies[big].map(([name]) => name)].join(', ')}) FROM STDIN (FORMAT binary)`,
  ]),
) as Record<Big, string>

/**
 * All of a commit but its big rows, as one statement and so one turn: the lease is renewed, and only while it is held are the
 * commit row, the outcomes and the small entries written. Answers how many commit rows it wrote: 0 means the lease is lost.
 */
function getCommitStatement(commit: Commit, small: readonly Entry[], fence: Fence | undefined): string {
  const { commitNo, firstSeq, entries, outcomes } = commit
  const text = escapeLiteral
  const held = fence
    ? `UPDATE lease SET last_seq = ${firstSeq + entries.length - 1}, until = now() + ${leaseLife} WHERE name = ${text(fence.name)} AND token = ${fence.token} RETURNING 1`
    : 'SELECT 1'
  const parts = [
    `held AS (${held})`,
    `committed AS (INSERT INTO log_commit (commit_no, first_seq, entry_count, outcome_count, logged_from, logged_to, previous_hash, hash)
       SELECT ${commitNo}, ${firstSeq}, ${entries.length}, ${outcomes.length}, ${entries[0]?.loggedAt ?? 0}, ${entries.at(-1)?.loggedAt ?? 0}, ${text(commit.previousHash)}, ${text(commit.hash)} FROM held RETURNING 1)`,
  ]
  if (outcomes.length > 0)
    parts.push(`told AS (INSERT INTO outcome (seq, commit_no, result, code, params)
       SELECT r.seq, ${commitNo}, r.result, r.code, r.params
       FROM held, jsonb_to_recordset(${text(JSON.stringify(outcomes.map(({ seq, outcome }) => ({ seq, ...outcome }))))}::jsonb)
         AS r(seq bigint, result text, code text, params jsonb))`)
  if (small.length > 0)
    parts.push(`said AS (INSERT INTO entry (${smallColumns.join(', ')})
       SELECT ${smallColumns.map(name => `r.${name}`).join(', ')}
       FROM held, jsonb_to_recordset(${text(JSON.stringify(small.map(toSmallRow)))}::jsonb)
         AS r(seq bigint, logged_at bigint, kind text, source text, epoch text, source_seq bigint, uuid uuid,
           actor jsonb, occurred_at bigint, received_at bigint, expects jsonb, expires_at bigint, body jsonb))`)
  return `WITH ${parts.join(', ')} SELECT count(*)::int AS written FROM committed`
}

const smallColumns = [
  'seq',
  'logged_at',
  'kind',
  'source',
  'epoch',
  'source_seq',
  'uuid',
  'actor',
  'occurred_at',
  'received_at',
  'expects',
  'expires_at',
  'body',
] as const

function toSmallRow(e: Entry) {
  return {
    seq: e.seq,
    logged_at: e.loggedAt,
    kind: e.kind,
    source: e.source,
    epoch: e.epoch,
    source_seq: e.sourceSeq,
    uuid: e.uuid,
    actor: e.actor,
    occurred_at: e.occurredAt,
    received_at: e.receivedAt,
    expects: e.expects,
    expires_at: e.expiresAt,
    body: e.body,
  }
}

type SmallRow = { [K in keyof ReturnType<typeof toSmallRow>]: unknown } & {
  code?: string
  result?: string
  params?: unknown
}

/** Row → entry, leaving out what is null, so that what is read equals what was written. */
function fromSmallRow(row: SmallRow): Entry {
  const entry: Record<string, unknown> = {
    seq: row.seq,
    loggedAt: row.logged_at,
    kind: row.kind,
    source: row.source,
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    body: row.body,
  }
  if (row.epoch !== null) entry.epoch = row.epoch
  if (row.source_seq !== null) entry.sourceSeq = row.source_seq
  if (row.uuid !== null) entry.uuid = row.uuid
  if (row.actor !== null) entry.actor = row.actor
  if (row.expects !== null) entry.expects = row.expects
  if (row.expires_at !== null) entry.expiresAt = row.expires_at
  return entry as unknown as Entry
}

/** SELECT list of a big table, in the order readBigEntry takes it. */
const bigSelects = Object.fromEntries(
  bigNames.map(big => [big, [...envelope, ...bigBodies[big].map(([name]) => name)].join(', ')]),
) as Record<Big, string>

/** One copied row → entry, leaving out what is null, so that what is read equals what was written. */
function readBigEntry(big: Big, row: CopyFields): Entry {
  const seq = row.takeInt8()
  const loggedAt = row.takeInt8()
  const source = row.takeText()!
  const epoch = row.takeText()!
  const sourceSeq = row.takeInt8()
  const occurredAt = row.takeInt8()
  const receivedAt = row.takeInt8()
  const body: Record<string, unknown> = {}
  for (const [, type, field] of bigBodies[big]) {
    const value = type === 'text' ? row.takeText() : type === 'bigint' ? row.takeInt8() : row.takeFloat8()
    if (value !== undefined) body[field] = value
  }
  return {
    seq,
    loggedAt,
    kind: bigKinds[big],
    source,
    epoch,
    sourceSeq,
    occurredAt,
    receivedAt,
    body,
  } as unknown as Entry
}

/**
 * Brings the block-range indexes up to the newest rows. Left to the server this waits for a vacuum, and until then every read
 * of a page walks all rows since: a log of a million entries took four times as long to replay.
 */
const summarise = `SELECT brin_summarize_new_values(i.indexrelid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    LEFT JOIN pg_inherits h ON h.inhrelid = i.indrelid
  WHERE a.amname = 'brin' AND coalesce(h.inhparent, i.indrelid) IN (${bigNames.map(name => `'${name}'::regclass`).join(', ')})`

type OutcomeRow = { seq: number; result: string; code: string | null; params: Record<string, string | number> | null }

function toOutcome(row: Omit<OutcomeRow, 'seq'>): Outcome {
  if (row.result === 'done') return { result: 'done' }
  return row.params === null
    ? { result: 'refused', code: row.code! }
    : { result: 'refused', code: row.code!, params: row.params }
}

/** Writes a commit on one client: a single statement when nothing is big, else a transaction around it and the copies. */
async function insertCommit(
  client: PoolClient,
  commit: Commit,
  fence: Fence | undefined,
  onSent: (() => void) | undefined,
): Promise<void> {
  const small: Entry[] = []
  const big: Record<Big, Entry[]> = { position: [], vitals: [], tick: [] }
  for (const entry of commit.entries) {
    const table = findBigTable(entry)
    if (table) big[table].push(entry)
    else small.push(entry)
  }
  const copies = bigNames.filter(name => big[name].length > 0)
  const statement = getCommitStatement(commit, small, fence)
  const first = client.query(copies.length > 0 ? `BEGIN; ${statement}` : statement)
  first.catch(() => undefined)
  // The rows are written out while the server works on the first turn.
  const streams = copies.map(name => encodeRows(name, big[name]))
  if (copies.length === 0) onSent?.()
  const answered = (await first) as unknown as QueryResult | QueryResult[]
  const result = Array.isArray(answered) ? answered.at(-1)! : answered
  if (result.rows[0].written !== 1) throw new LeaseLost()
  for (const [i, name] of copies.entries())
    await copyIn(client, bigCopies[name], streams[i]!, i === copies.length - 1 ? onSent : undefined)
  if (copies.length > 0) await client.query('COMMIT')
}

/** Opens the log of a migrated database. With a fence every append proves that this process still holds the city. */
export async function openPostgresLog(pool: Pool, fence?: Fence): Promise<Log> {
  const state = await pool.query<{ incarnation: string }>('SELECT incarnation FROM log_state')
  const incarnation = state.rows[0]!.incarnation

  const addOutcomes = async (found: Map<number, LoggedEntry>): Promise<LoggedEntry[]> => {
    const seqs = [...found.keys()]
    if (seqs.length === 0) return []
    const from = Math.min(...[seqs[0]!, seqs.at(-1)!])
    const rows = await pool.query<OutcomeRow>(
      'SELECT seq, result, code, params FROM outcome WHERE seq = ANY($1::bigint[]) AND seq >= $2',
      [seqs, from],
    )
    for (const row of rows.rows) {
      const held = found.get(row.seq)
      if (held) held.outcome = toOutcome(row)
    }
    return [...found.values()]
  }

  let isSummarised = false
  const readBig = async (big: Big, where: string, found: Entry[]): Promise<void> => {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await copyOut(
        client,
        // A young table has no statistics and would be walked whole, by several workers, for every page.
        `BEGIN; SET LOCAL enable_seqscan = off; COPY (SELECT ${bigSelects[big]} FROM ${big} WHERE ${where}) TO STDOUT (FORMAT binary); COMMIT`,
        row => found.push(readBigEntry(big, row)),
      )
    } catch (error) {
      broken = error as Error
      throw error
    } finally {
      client.release(broken)
    }
  }

  return {
    incarnation,
    async getHead(): Promise<Head> {
      // An append whose answer was lost may still be under way: its lease row is locked until it has ended one way or the other.
      if (fence) {
        const lease = await pool.query('SELECT 1 FROM lease WHERE name = $1 AND token = $2 FOR UPDATE', [
          fence.name,
          fence.token,
        ])
        if (lease.rowCount !== 1) throw new LeaseLost()
      }
      const row = (
        await pool.query<{ commit_no: number; hash: string; first_seq: number; entry_count: number }>(
          'SELECT commit_no, hash, first_seq, entry_count FROM log_commit ORDER BY commit_no DESC LIMIT 1',
        )
      ).rows[0]
      if (!row) return { seq: 0, loggedAt: 0, commitNo: 0, hash: genesisHash }
      const newest = await pool.query<{ logged_to: number }>(
        'SELECT logged_to FROM log_commit WHERE entry_count > 0 ORDER BY commit_no DESC LIMIT 1',
      )
      return {
        seq: row.first_seq + row.entry_count - 1,
        loggedAt: newest.rows[0]?.logged_to ?? 0,
        commitNo: row.commit_no,
        hash: row.hash,
      }
    },
    async append(commit, onSent) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await insertCommit(client, commit, fence, onSent)
      } catch (error) {
        broken = error as Error
        await client.query('ROLLBACK').then(
          () => {
            if (!/connection|terminat|timeout/i.test(String(broken?.message))) broken = undefined
          },
          () => {},
        )
        throw error
      } finally {
        client.release(broken)
      }
    },
    async list(afterSeq, max = readMax) {
      const upTo = afterSeq + Math.min(max, readMax)
      // The commit rows give the time range of these seqs, which lets TimescaleDB leave out all other chunks.
      const bounds = (
        await pool.query<{ from: number | null; to: number | null }>(
          `SELECT min(logged_from) AS from, max(logged_to) AS to FROM log_commit
           WHERE entry_count > 0 AND first_seq <= $2 AND first_seq + entry_count > $1
             AND first_seq >= coalesce((SELECT max(first_seq) FROM log_commit WHERE first_seq <= $1 AND entry_count > 0), 0)`,
          [afterSeq + 1, upTo],
        )
      ).rows[0]!
      if (bounds.from === null) return []
      if (!isSummarised && upTo - afterSeq > summariseFrom) {
        isSummarised = true
        // Without it reading is slow and right: a vacuum may hold the lock, a reader may lack the right.
        await pool.query(summarise).catch(() => undefined)
      }
      const found: Entry[] = (
        await pool.query('SELECT * FROM entry WHERE seq > $1 AND seq <= $2', [afterSeq, upTo])
      ).rows.map(fromSmallRow)
      for (const big of bigNames)
        await readBig(
          big,
          `seq > ${afterSeq} AND seq <= ${upTo} AND logged_at >= ${bounds.from} AND logged_at <= ${bounds.to}`,
          found,
        )
      found.sort((a, b) => a.seq - b.seq)
      const outcomes = await pool.query<OutcomeRow>(
        'SELECT seq, result, code, params FROM outcome WHERE seq > $1 AND seq <= $2',
        [afterSeq, upTo],
      )
      const told = new Map(outcomes.rows.map(row => [row.seq, toOutcome(row)]))
      return found.map(entry => {
        const outcome = told.get(entry.seq)
        return outcome ? { entry, outcome } : { entry }
      })
    },
    async listCommits(fromNo, max) {
      const rows = await pool.query(
        `SELECT commit_no AS "commitNo", first_seq AS "firstSeq", entry_count AS "entryCount", outcome_count AS "outcomeCount",
           previous_hash AS "previousHash", hash FROM log_commit WHERE commit_no >= $1 ORDER BY commit_no LIMIT $2`,
        [fromNo, max],
      )
      return rows.rows as CommitRow[]
    },
    async listOutcomes(commitNo) {
      const rows = await pool.query<OutcomeRow>(
        'SELECT seq, result, code, params FROM outcome WHERE commit_no = $1 ORDER BY seq',
        [commitNo],
      )
      return rows.rows.map(row => ({ seq: row.seq, outcome: toOutcome(row) }))
    },
    async findByKey(entry) {
      const key = [entry.source, entry.epoch, entry.sourceSeq]
      const small = await pool.query('SELECT * FROM entry WHERE source = $1 AND epoch = $2 AND source_seq = $3', key)
      const found: Entry[] = small.rows.map(fromSmallRow)
      const { storage } = kinds[entry.kind]
      if (found.length === 0 && storage !== 'small') {
        const unit =
          storage === 'tick' ? '' : ` AND unit_id = ${escapeLiteral((entry.body as { unitId: string }).unitId)}`
        await readBig(
          storage,
          `source = ${escapeLiteral(entry.source)} AND epoch = ${escapeLiteral(entry.epoch!)} AND source_seq = ${entry.sourceSeq} AND occurred_at = ${entry.occurredAt}${unit}`,
          found,
        )
      }
      return (await addOutcomes(new Map(found.map(e => [e.seq, { entry: e }]))))[0]
    },
    async findByUuids(uuids) {
      if (uuids.length === 0) return new Map()
      const rows = await pool.query('SELECT * FROM entry WHERE uuid = ANY($1::uuid[])', [uuids])
      const found = await addOutcomes(new Map(rows.rows.map(row => [row.seq as number, { entry: fromSmallRow(row) }])))
      return new Map(found.map(held => [held.entry.uuid!, held]))
    },
    async findCheckpoint(beforeSeq = Number.MAX_SAFE_INTEGER) {
      const heads = await pool.query(
        'SELECT checkpoint_seq AS seq, era_no AS "eraNo", core_version AS "coreVersion", hash, slice_count AS "sliceCount" FROM checkpoint WHERE checkpoint_seq < $1 ORDER BY checkpoint_seq DESC LIMIT 1',
        [beforeSeq],
      )
      const head = heads.rows[0] as (Omit<Checkpoint, 'slices'> & { sliceCount: number }) | undefined
      if (!head) return undefined
      const { sliceCount, ...rest } = head
      const slices: string[] = []
      for (let n = 0; n < sliceCount; n++) {
        const row = await pool.query<{ content: string }>(
          'SELECT content FROM checkpoint_slice WHERE checkpoint_seq = $1 AND slice_no = $2',
          [head.seq, n],
        )
        slices.push(row.rows[0]?.content ?? '')
      }
      return { ...rest, slices }
    },
    async saveCheckpoint(checkpoint) {
      // Slices first and each alone, the head last: a checkpoint without a head does not exist, and no statement is long.
      const held = await pool.query<{ hash: string }>('SELECT hash FROM checkpoint WHERE checkpoint_seq = $1', [
        checkpoint.seq,
      ])
      if (held.rows[0]?.hash === checkpoint.hash) return
      await pool.query('DELETE FROM checkpoint WHERE checkpoint_seq = $1', [checkpoint.seq])
      await pool.query('DELETE FROM checkpoint_slice WHERE checkpoint_seq = $1', [checkpoint.seq])
      for (const [n, content] of checkpoint.slices.entries())
        await pool.query(
          "INSERT INTO checkpoint_slice VALUES ($1, $2, $3, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
          [checkpoint.seq, n, content],
        )
      await pool.query(
        `INSERT INTO checkpoint (checkpoint_seq, era_no, core_version, slice_count, hash) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (checkpoint_seq) DO UPDATE SET era_no = $2, core_version = $3, slice_count = $4, hash = $5, made_at = now()`,
        [checkpoint.seq, checkpoint.eraNo, checkpoint.coreVersion, checkpoint.slices.length, checkpoint.hash],
      )
      const kept = `SELECT checkpoint_seq FROM checkpoint ORDER BY checkpoint_seq DESC LIMIT ${checkpointsKept}`
      await pool.query(
        `DELETE FROM checkpoint WHERE checkpoint_seq NOT IN (${kept}) AND checkpoint_seq NOT IN (SELECT opening_seq FROM era)`,
      )
      await pool.query(
        'DELETE FROM checkpoint_slice WHERE checkpoint_seq NOT IN (SELECT checkpoint_seq FROM checkpoint)',
      )
    },
    async findEra() {
      const rows = await pool.query(
        'SELECT era_no AS "eraNo", opening_seq AS "openingSeq", core_version AS "coreVersion", reason FROM era ORDER BY era_no DESC LIMIT 1',
      )
      return rows.rows[0] as Era | undefined
    },
    async startEra(era) {
      await pool.query('INSERT INTO era (era_no, opening_seq, core_version, reason) VALUES ($1, $2, $3, $4)', [
        era.eraNo,
        era.openingSeq,
        era.coreVersion,
        era.reason,
      ])
    },
    async listQuarantined() {
      const rows = await pool.query<{ seq: number; fault: string; at: Date }>(
        'SELECT seq, fault, at FROM quarantine ORDER BY seq',
      )
      return rows.rows.map(row => ({ seq: row.seq, fault: row.fault, at: row.at.getTime() }))
    },
    async quarantine(seq, kind, fault) {
      await pool.query('INSERT INTO quarantine (seq, kind, fault) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        seq,
        kind,
        fault.slice(0, 400),
      ])
    },
  }
}

/**
 * Takes the lease of the line by the database's clock; waits (bounded) until a former holder's time is over. `onWaiting` is
 * called each time it is still held by another.
 */
export async function takeLease(
  pool: Pool,
  name: string,
  holder: string,
  waitMaxMs: number,
  onWaiting?: () => void,
): Promise<Fence> {
  const deadline = Date.now() + waitMaxMs
  for (;;) {
    const taken = await pool.query<{ token: number; former: string | null }>(
      `WITH former AS (SELECT holder FROM lease WHERE name = $1)
       INSERT INTO lease AS l (name, holder, token, until) VALUES ($1, $2, 1, now() + ${leaseLife})
       ON CONFLICT (name) DO UPDATE SET holder = $2, token = l.token + 1, until = now() + ${leaseLife}
       WHERE l.until < now() OR l.holder = $2 RETURNING token, (SELECT holder FROM former) AS former`,
      [name, holder],
    )
    const row = taken.rows[0]
    if (row) return { name, token: row.token, ...(row.former === null ? {} : { formerHolder: row.former }) }
    if (Date.now() > deadline) throw new LeaseLost()
    onWaiting?.()
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** Backends of a former holder are waited for this long; one that outlives it cannot append any more, its token is old. */
const endBackendsMaxMs = 2_000

/** Ends the database sessions, which bear its holder's name, of a line that has lost its lease, so that nothing it still has under way lands later. */
export async function endBackends(pool: Pool, holder: string): Promise<void> {
  const deadline = Date.now() + endBackendsMaxMs
  for (;;) {
    const ended = await pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()',
      [holder],
    )
    if (ended.rowCount === 0 || Date.now() > deadline) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** Gives the lease back on a graceful stop, so that the next process need not wait. */
export async function releaseLease(pool: Pool, fence: Fence): Promise<void> {
  await pool.query("UPDATE lease SET until = now() - interval '1 second' WHERE name = $1 AND token = $2", [
    fence.name,
    fence.token,
  ])
}
