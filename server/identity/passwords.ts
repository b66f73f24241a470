/**
 * Passwords: hashing by argon2id and the policy on new ones. A guard in front of every sign-in.
 * Promises: never blocks the event loop (the work runs in libuv's threads, few at a time, behind a bounded queue), always
 * spends the same work whether an account exists or not, and stores the parameters beside the hash so that they can grow.
 */
import { argon2, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** Cost of a new hash: 19 MiB, 2 passes, 1 lane. @source OWASP Password Storage Cheat Sheet, argon2id */
const cost = { memoryKib: 19 * 1024, passes: 2, lanes: 1 } as const
const saltBytes = 16
const hashBytes = 32
/** A stored string asking for more than this is not ours: it would be a way to exhaust the machine. */
const memoryKibMax = 256 * 1024
const passesMax = 16
const lanesMax = 8

/** Hashes computed at once. libuv has four threads; the others stay free for files and DNS. */
export const hashingMax = 2
/** Hashes waiting; about 64 × 80 ms ÷ 2 = 2.6 s of waiting, beyond which a sender is told to come again. */
export const hashQueueMax = 64
/** Shortest password, in characters. @source NIST SP 800-63B-4; domain/trust.md §4 */
export const passwordMin = 12
/** Longest password, in characters; the same limit stands in contract/wire. */
export const passwordMax = 200

/** The hashing queue is full: the sender should come again. */
export class HashQueueFull extends Error {
  override name = 'HashQueueFull'
}

type Waiting = { start: () => void }
let running = 0
const waiting: Waiting[] = []

async function takeTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= hashingMax) {
    if (waiting.length >= hashQueueMax) throw new HashQueueFull('password hashing is at its limit')
    // The one who finishes hands its turn over, so `running` stays as it is.
    await new Promise<void>(start => waiting.push({ start }))
  } else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next.start()
    else running--
  }
}

function derive(password: string, salt: Buffer, length: number, used: typeof cost | StoredCost): Promise<Buffer> {
  return new Promise((resolve, fail) => {
    argon2(
      'argon2id',
      {
        // NFC: the same characters typed on two keyboards are the same password.
        message: Buffer.from(password.normalize('NFC'), 'utf8'),
        nonce: salt,
        parallelism: used.lanes,
        tagLength: length,
        memory: used.memoryKib,
        passes: used.passes,
      },
      (fault, derived) => (fault ? fail(fault) : resolve(derived)),
    )
  })
}

type StoredCost = { memoryKib: number; passes: number; lanes: number }
const toBase64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')

/** Hashes a password into a PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Throws HashQueueFull. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await takeTurn(() => derive(password, salt, hashBytes, cost))
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$${toBase64(salt)}$${toBase64(hash)}`
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

function parseStored(stored: string): { used: StoredCost; salt: Buffer; hash: Buffer } | undefined {
  const found = phcPattern.exec(stored)
  if (!found) return undefined
  const used = { memoryKib: Number(found[1]), passes: Number(found[2]), lanes: Number(found[3]) }
  if (used.memoryKib < 8 * used.lanes || used.memoryKib > memoryKibMax) return undefined
  if (used.passes < 1 || used.passes > passesMax || used.lanes < 1 || used.lanes > lanesMax) return undefined
  return { used, salt: Buffer.from(found[4]!, 'base64'), hash: Buffer.from(found[5]!, 'base64') }
}

/** Stands in for the hash of an account that does not exist; no password leads to it. */
const nobody = {
  used: cost,
  salt: Buffer.alloc(saltBytes, 7),
  hash: randomBytes(hashBytes),
}

/**
 * Compares a password with a stored hash in constant time. Without a hash (no such account) it spends the same work and
 * answers false. A stored string that cannot be read is false too. Throws HashQueueFull.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const read = stored === undefined ? undefined : parseStored(stored)
  const against = read ?? nobody
  const derived = await takeTurn(() => derive(password, against.salt, against.hash.length, against.used))
  return timingSafeEqual(derived, against.hash) && read !== undefined
}

/** True when a stored hash was made with other parameters than today's and should be replaced at the next sign-in. */
export function isOutdated(stored: string): boolean {
  return !stored.startsWith(`$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$`)
}

/** Words people build a long password from; compared after letters that digits stand in for are turned back. */
const commonWords: readonly string[] = [
  'password',
  'passw',
  'admin',
  'administrator',
  'welcome',
  'letmein',
  'iloveyou',
  'woaini',
  'mima',
  'dragon',
  'monkey',
  'football',
  'baseball',
  'sunshine',
  'princess',
  'master',
  'superman',
  'trustno',
  'changeme',
  'default',
  'secret',
  'login',
  'test',
  'guest',
  'root',
  'user',
  'vigil',
  'shouwang',
  'dispatch',
  'dispatcher',
  'ambulance',
  'jijiu',
  'jkzx',
  'hospital',
  'yiyuan',
  'jiaxing',
  'zhejiang',
  'china',
  'zhongguo',
  'beijing',
  'shanghai',
]
const runs: readonly string[] = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '1q2w3e4r5t6y7u8i9o0p',
  '147258369147258369',
]
const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/** True when the text is made of pieces of keyboard or alphabet runs, each four characters or longer, either way round. */
function isMadeOfRuns(text: string): boolean {
  const all = runs.flatMap(run => [run, [...run].reverse().join('')])
  let at = 0
  while (at < text.length) {
    let length = 0
    for (const run of all) {
      let tried = Math.min(run.length, text.length - at)
      while (tried > length && !run.includes(text.slice(at, at + tried))) tried--
      if (tried > length) length = tried
    }
    if (length < 4) return text.length - at < 3 && at > 0
    at += length
  }
  return true
}

/**
 * Why a new password is refused, in both languages; undefined when it may be used. Judges length, few distinct characters,
 * runs, repeats, common words with digits around them, and the account's own id.
 */
export function findWeakness(password: string, accountId: string): string | undefined {
  const characters = [...password.normalize('NFC')]
  if (characters.length < passwordMin) return `至少 ${passwordMin} 个字符 / at least ${passwordMin} characters`
  if (characters.length > passwordMax) return `最多 ${passwordMax} 个字符 / at most ${passwordMax} characters`
  const lower = characters.join('').toLowerCase()
  if (lower.includes(accountId.toLowerCase())) return '含有账号名 / it contains the account id'
  if (new Set(lower).size < 5) return '重复字符太多 / too few different characters'
  if (/^(.{1,6})\1+$/u.test(lower)) return '由重复片段组成 / it repeats one piece'
  if (isMadeOfRuns(lower)) return '由连续按键组成 / it is a run of keys'
  // Letters left when digits and signs around the words are gone: 'Password2026!!' leaves 'password'.
  const plain = lower.replaceAll(/[^a-z]/g, '')
  const turned = [...lower.replace(/[^a-z]+$/, '')]
    .map(one => lookalikes[one] ?? one)
    .join('')
    .replaceAll(/[^a-z]/g, '')
  const isCommon = (text: string) => text.length > 0 && isMadeOfWords(text)
  if (/^[\x20-\x7e]*$/.test(lower) && (isCommon(plain) || isCommon(turned)))
    return '属于常见口令 / it is a common password'
  return undefined
}

function isMadeOfWords(text: string): boolean {
  const reachable = new Set([0])
  for (let at = 0; at < text.length; at++) {
    if (!reachable.has(at)) continue
    for (const word of commonWords) if (text.startsWith(word, at)) reachable.add(at + word.length)
  }
  return reachable.has(text.length)
}

/** Letters and digits that cannot be mistaken for one another on paper. */
const secretAlphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

/** A random first password: four groups of five, about 99 bits (20 × log2 31). Shown once, to be changed at first sign-in. */
export function createSecret(): string {
  const group = () => Array.from({ length: 5 }, () => secretAlphabet[randomInt(secretAlphabet.length)]).join('')
  return [group(), group(), group(), group()].join('-')
}
