/**
 * Shift city: the real server on its embedded database with the demo city's names, roads, register and standing ambulances, the
 * built console, and browsers signed in by keyboard. For the journey of a shift and for the bench of a desk.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { listHourFactors, SPEED_KMH, tellRegister } from '../../simulations/city.ts'
import { drawGazetteer, type NameRow, writeGazetteer } from '../../simulations/gazetteer.ts'
import { packCity, packRoads, seedCity } from '../../simulations/seed.ts'
import { launchBrowser, type OpenBrowser } from './browser.ts'
import { startTestServer, type TestServer } from './server.ts'

const root = resolve(import.meta.dirname, '../..')
const day = '2026-11-21'
/** Waits are generous: nothing here is about time, and the machine may be busy. */
export const waitMs = 60_000
/** Ambulances say where they stand this often: well within the age at which a fix is called old. */
const reportEveryMs = 15_000

export type ShiftCity = {
  server: TestServer
  /** The gazetteer as drawn. */
  rows: readonly NameRow[]
  say(kind: string, body: unknown): Promise<void>
  /** A browser of its own for a new dispatcher, signed in without the mouse. */
  openDesk(width: number, height: number): Promise<Page>
  pages(): Page[]
  stop(): Promise<void>
}

/** Builds the console and starts everything; `units` ambulances stand at their stations. */
export async function startShiftCity(units: number): Promise<ShiftCity> {
  const city = seedCity({ seed: 7, units })
  const directory = await mkdtemp(join(tmpdir(), 'vigil-shift-'))
  const pack = join(directory, 'pack')
  await mkdir(pack)
  const rows = drawGazetteer(city)
  await writeFile(join(pack, 'pack.json'), JSON.stringify(packCity(city, day)))
  await writeFile(join(pack, 'roads.json'), JSON.stringify(packRoads(city, day, SPEED_KMH, listHourFactors())))
  await writeFile(join(pack, 'gazetteer.ndjson'), writeGazetteer(rows, 'shift', day).join('\n'))
  await build({
    root: join(root, 'console'),
    configFile: join(root, 'console/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: join(root, 'console/dist'), emptyOutDir: true, reportCompressedSize: false },
  })
  const server = await startTestServer({ environment: { VIGIL_REGION_PACK: pack, VIGIL_DEMO: 'true' } })
  const at = Date.now()
  const told = [...tellRegister(city, at)]
  for (let from = 0; from < told.length; from += 500)
    await server.post(
      told.slice(from, from + 500).map(({ kind, body }) => ({ kind, uuid: randomUUID(), occurredAt: at, body })),
    )
  let seq = 0
  const report = () => {
    seq++
    return server.post(
      city.units.map((unit, n) => ({
        kind: 'unit.position',
        occurredAt: Date.now(),
        source: `gps-${n}`,
        epoch: 'e',
        seq,
        body: { unitId: unit.id, lon: city.graph.lon[unit.node], lat: city.graph.lat[unit.node], speedKmh: 0 },
      })),
    )
  }
  await report()
  const reporting = setInterval(() => void report().catch(() => undefined), reportEveryMs)
  const browsers: OpenBrowser[] = []
  return {
    server,
    rows,
    async say(kind, body) {
      const entry = { kind, uuid: randomUUID(), occurredAt: Date.now(), body }
      const { body: answer } = await server.post([entry])
      assert.equal(answer.outcomes?.[0]?.result, 'done', `${kind}: ${JSON.stringify(answer)}`)
    },
    async openDesk(width, height) {
      const opened = await launchBrowser({ width, height })
      browsers.push(opened)
      const page = await opened.browser.newPage()
      page.setDefaultTimeout(waitMs)
      const accountId = `desk${browsers.length}`
      const { password } = await server.addPerson(accountId, ['dispatcher'], ['330400'])
      await page.goto(server.url)
      await page.getByTestId('account').waitFor()
      await page.getByTestId('account').focus()
      await page.keyboard.type(accountId)
      await page.keyboard.press('Tab')
      await page.keyboard.type(password)
      await page.keyboard.press('Enter')
      await page.locator('[data-testid="link"][data-state="live"]').waitFor()
      return page
    },
    pages: () => browsers.map(opened => opened.browser.pages().at(-1)!),
    async stop() {
      clearInterval(reporting)
      for (const opened of browsers) await opened.close()
      await server.remove()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
