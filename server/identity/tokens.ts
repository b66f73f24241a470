/**
 * Tokens: opaque random names of a session or a device. The token itself is known to its holder alone; the house keeps its
 * SHA-256. A fast hash is enough because nobody guesses 256 random bits.
 */
import { createHash, randomBytes } from 'node:crypto'

/** Random bytes of a token. */
const tokenBytes = 32
/** How every token looks: 43 characters of base64url, 256 bits. What looks otherwise is not even searched for. */
const tokenPattern = /^[A-Za-z0-9_-]{43}$/

/** A new token; shown to its holder and never stored. */
export function createToken(): string {
  return randomBytes(tokenBytes).toString('base64url')
}

/** SHA-256 of a token, as it is stored; undefined when the text cannot be a token. */
export function hashToken(token: string): Buffer | undefined {
  return tokenPattern.test(token) ? createHash('sha256').update(token).digest() : undefined
}

/**
 * A map that forgets its oldest entry above `max`: caches of tokens and counters of addresses are fed by strangers and must
 * not grow. `set` makes an entry the newest.
 */
export function createBoundedMap<K, V>(
  max: number,
): {
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
  clear(): void
  values(): Iterable<V>
  entries(): Iterable<[K, V]>
  readonly size: number
} {
  const map = new Map<K, V>()
  return {
    get: key => map.get(key),
    set(key, value) {
      map.delete(key)
      map.set(key, value)
      if (map.size > max) {
        const oldest = map.keys().next()
        if (!oldest.done) map.delete(oldest.value)
      }
    },
    delete(key) {
      map.delete(key)
    },
    clear: () => map.clear(),
    values: () => map.values(),
    entries: () => map.entries(),
    get size() {
      return map.size
    },
  }
}
