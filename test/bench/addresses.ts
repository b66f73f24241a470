/**
 * Bench of the address search: 100,000 names in a whole server, searched through GET /v1/addresses by a signed-in desk as it types,
 * beside a bare GET of the same server (/healthz). Target: p95 ≤ 150 ms. The memory of the address thread is printed: the process
 * with the names less the same process before they were read.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressAnswer } from '#contract/address.ts'
import { drawNames, writeGazetteer } from '../../simulations/gazetteer.ts'
import { createChance, packCity, seedCity } from '../../simulations/seed.ts'
import { city, startCity, until } from '../help/city-server.ts'
import { formatCount, judge, pickQuantile, print } from './measure.ts'

const nameCount = 100_000
const targetMs = 150
const typings = 60

/** What a dispatcher types for a name, key by key from the second: initials, full pinyin, characters, with a slip. */
function* typeName(name: string, spoken: readonly string[], way: number): Generator<string> {
  const whole =
    way === 0
      ? spoken.map(each => each[0]).join('')
      : way === 1
        ? spoken.join('')
        : way === 2
          ? name
          : spoken.join('').replace(/^(..)(.)(.)/, '$1$3$2')
  for (let end = Math.min(2, whole.length); end <= Math.min(whole.length, 14); end++) yield whole.slice(0, end)
}

export async function benchAddresses(): Promise<void> {
  const pack = mkdtempSync(join(tmpdir(), 'vigil-names-'))
  const seeded = seedCity({ seed: 7 })
  const names = drawNames(seeded, nameCount)
  writeFileSync(join(pack, 'pack.json'), JSON.stringify(packCity(seeded, '2026-11-21')))
  const write = (rows: typeof names) =>
    writeFileSync(join(pack, 'gazetteer.ndjson'), writeGazetteer(rows, 'bench', '2026-11-21').join('\n'))
  const rss = () => process.memoryUsage().rss / 2 ** 20
  const server = await startCity({ environment: { VIGIL_REGION_PACK: pack } })
  try {
    const desk = await server.as('dispatcher')
    const ask = (q: string) => server.ask('GET', `/v1/addresses?q=${encodeURIComponent(q)}&lon=120.75&lat=30.75`, desk)
    await ask('zsl')
    const beforeMb = rss()
    await server.remove()
    write(names)
    const full = await startCity({ environment: { VIGIL_REGION_PACK: pack } })
    try {
      const person = await full.as('dispatcher')
      const search = (q: string) =>
        full.ask('GET', `/v1/addresses?q=${encodeURIComponent(q)}&lon=120.75&lat=30.75`, person)
      await until('the gazetteer', async () => (await search('zsl')).body.version === 'bench')
      const afterMb = rss()
      const { readUnits, plainText } = await import('../../server/addresses/pinyin.ts')
      const chance = createChance(3)
      const ms: number[] = []
      const inside: number[] = []
      let hits = 0
      for (let n = 0; n < typings; n++) {
        const name = names[chance.int(names.length)]!.name
        const spoken = readUnits(plainText(name)).map(unit => unit.readings[0] ?? unit.char)
        for (const q of typeName(name, spoken, n % 4)) {
          const from = performance.now()
          const answer = await search(q)
          ms.push(performance.now() - from)
          const body = answer.body as unknown as AddressAnswer
          inside.push(body.tookMs)
          if (body.hits.length > 0) hits++
        }
      }
      const bare: number[] = []
      for (let n = 0; n < 200; n++) {
        const from = performance.now()
        await full.ask('GET', '/healthz')
        bare.push(performance.now() - from)
      }
      for (const list of [ms, inside, bare]) list.sort((a, b) => a - b)
      const p95 = pickQuantile(ms, 0.95)
      print(
        'addresses',
        `${formatCount(names.length)} names through GET /v1/addresses in ${city}: p50 ${pickQuantile(ms, 0.5).toFixed(1)} p95 ${p95.toFixed(1)} worst ${ms.at(-1)!.toFixed(1)} ms over ${ms.length} keys (${hits} with hits), ${judge(p95, targetMs, true, ' ms')}; of this in the thread p50 ${pickQuantile(inside, 0.5).toFixed(1)} p95 ${pickQuantile(inside, 0.95).toFixed(1)} ms; bare GET /healthz p50 ${pickQuantile(bare, 0.5).toFixed(1)} p95 ${pickQuantile(bare, 0.95).toFixed(1)} ms`,
      )
      print(
        'addresses',
        `memory of the process ${beforeMb.toFixed(0)} MB without names, ${afterMb.toFixed(0)} MB with them`,
      )
    } finally {
      await full.remove()
    }
  } finally {
    await server.remove().catch(() => undefined)
    rmSync(pack, { recursive: true, force: true })
  }
}
