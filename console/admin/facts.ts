/** An answer as a flat list of names and values, for a page that shows whatever a server says about itself. Pure. */

/** Most facts shown; /readyz is a page of a few dozen figures at most. */
export const factsMax = 100

/** Flattens an answer to dotted names, in its own order. */
export function listFacts(value: unknown, path = ''): readonly (readonly [string, string])[] {
  if (value === null || typeof value !== 'object') return [[path, String(value)]]
  return Object.entries(value)
    .flatMap(([name, each]) => listFacts(each, path === '' ? name : `${path}.${name}`))
    .slice(0, factsMax)
}
