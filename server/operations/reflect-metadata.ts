/**
 * The three calls of the Metadata proposal that the container inside @peculiar/x509 asks of Reflect. Imported before it and
 * for its side effect alone; where somebody has brought a full polyfill, that one stays.
 */
const store = new WeakMap<object, Map<unknown, unknown>>()

function getOwnMetadata(key: unknown, target: object): unknown {
  return store.get(target)?.get(key)
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const found = store.get(at)
    if (found?.has(key)) return found.get(key)
  }
  return undefined
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = store.get(target) ?? new Map<unknown, unknown>()
  own.set(key, value)
  store.set(target, own)
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata })
