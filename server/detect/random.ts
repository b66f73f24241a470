// A seeded generator of uniform numbers for Monte Carlo inside pure stages. Part of `detect/`, pure.
// The same seed gives the same numbers on every machine; nothing here is fit for secrets.

/** Draws whole numbers 0 <= x < limit, limit at most 2^32. */
export type RandomDraw = (limit: number) => number

/**
 * Makes a generator from a seed (any finite number; only its low 32 bits count).
 * @source xoshiro128** 1.1 (Blackman & Vigna 2018), state filled by splitmix32.
 */
export function createRandomDraw(seed: number): RandomDraw {
  let state = seed >>> 0
  const fill = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) | 0
  }
  let a = fill()
  let b = fill()
  let c = fill()
  let d = fill()
  return limit => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return Math.floor((result / 4_294_967_296) * limit)
  }
}
