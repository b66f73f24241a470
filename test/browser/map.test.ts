// The map behind its seam, in a real browser: one scenario on both engines, read from the pixels of the frames, not from
// the engines' events, because `load` also fires on a blank canvas. Mapbox is only ever given a made-up token with its
// hosts answered by the test; nothing leaves the machine.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import type { Kit } from './fixtures/map/page.ts'
import { type Site, serveMapPage } from './fixtures/map/site.ts'

declare const kit: Kit

// Well formed and worthless: "pk.", a body naming nobody, no signature of anybody.
const madeUpToken = `pk.${Buffer.from('{"u":"nobody","a":"test"}').toString('base64url')}.not-a-signature`

let site: Site
let open: OpenBrowser

before(async () => {
  site = await serveMapPage()
  open = await launchBrowser({ width: 640, height: 480 })
})

after(async () => {
  await open?.close()
  await site?.close()
})

interface Visit {
  readonly page: Page
  /** Addresses asked for outside the loopback site. */
  readonly foreign: string[]
  /** Errors and warnings the page printed, refused requests among them. */
  readonly complaints: string[]
}

async function visit(mapbox?: { status: number }): Promise<Visit> {
  const page = await open.browser.newPage()
  const foreign: string[] = []
  const complaints: string[] = []
  page.on('request', request => {
    const address = new URL(request.url())
    if (!['data:', 'blob:'].includes(address.protocol) && address.origin !== site.origin) foreign.push(request.url())
  })
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  if (mapbox)
    await page.route(/^https:\/\/[a-z]+\.mapbox\.com\//, route =>
      route.fulfill({ status: mapbox.status, headers: { 'access-control-allow-origin': '*' }, body: '{}' }),
    )
  await page.goto(`${site.origin}/${mapbox ? '?mapbox' : ''}`)
  return { page, foreign, complaints }
}

/** Opens the map and shows two units; leaves the page at a still frame. */
async function showTwoUnits(page: Page, token?: string): Promise<void> {
  await page.evaluate(async given => {
    await kit.open(given ? { token: given } : {})
    kit.stage.units!.setUnits([
      kit.makeUnit('U-1', 120.78, 30.7, { status: 'idle' }),
      kit.makeUnit('U-2', 120.82, 30.72, { status: 'loaded' }),
    ])
    await kit.settle()
  }, token)
}

const seeUnit = (page: Page, unitId: string, status: 'idle' | 'loaded' | 'distress') =>
  page.evaluate(
    async ([id, name]) => {
      const said = kit.projectUnit(id)
      const seen = await kit.findColour(kit.colourOf(name), { ...said, reach: 40 })
      return { said, seen }
    },
    [unitId, status] as const,
  )

for (const engine of ['maplibre', 'mapbox'] as const) {
  const mapbox = engine === 'mapbox' ? { status: 200 } : undefined
  const token = engine === 'mapbox' ? madeUpToken : undefined

  describe(`on ${engine}`, () => {
    test(`MAP-1 ${engine} draws units where the layer says they are, and moves them between two fixes`, async () => {
      const { page, foreign, complaints } = await visit(mapbox)
      await showTwoUnits(page, token)
      assert.equal(await page.evaluate(() => kit.stage.handle!.kind), engine)
      const first = await seeUnit(page, 'U-1', 'idle')
      // A body of about 10 px radius is some 300 px; without the letter and the rim well over 100 stay.
      assert.ok(first.seen.count > 100, `green pixels seen: ${first.seen.count}`)
      assert.ok(Math.hypot(first.seen.x - first.said.x, first.seen.y - first.said.y) < 6)

      await page.evaluate(() => {
        kit.stage.at += 1000
        kit.stage.units!.update([kit.makeUnit('U-1', 120.79, 30.7, { status: 'idle' })])
        kit.stage.at += 500
      })
      const half = await seeUnit(page, 'U-1', 'idle')
      await page.evaluate(() => {
        kit.stage.at += 500
      })
      const last = await seeUnit(page, 'U-1', 'idle')
      const [startX, halfX, lastX] = [first.seen.x, half.seen.x, last.seen.x]
      assert.ok(lastX - startX > 30, `moved ${lastX - startX} px`)
      assert.ok(Math.abs((halfX - startX) / (lastX - startX) - 0.5) < 0.05, 'half the time, half the way')
      assert.ok(Math.abs(half.seen.x - half.said.x) < 6, 'the processor and the shader agree while it glides')

      if (engine === 'maplibre') {
        assert.deepEqual(foreign, [], 'not one request leaves the house')
        assert.deepEqual(complaints, [])
      } else assert.ok(foreign.every(address => /^https:\/\/(api|events)\.mapbox\.com\//.test(address)))
      assert.deepEqual(await page.evaluate(() => kit.stage.engineErrors), [])
      await page.close()
    })

    test(`MAP-2 ${engine} carries a unit on along its course for five seconds and no further`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      const placeAfter = async (ms: number) => {
        await page.evaluate(by => {
          kit.stage.at += by
        }, ms)
        return seeUnit(page, 'U-1', 'idle')
      }
      await page.evaluate(() => {
        // East at 72 km/h: 20 m each second.
        kit.stage.units!.setUnits([kit.makeUnit('U-1', 120.78, 30.7, { courseDeg: 90, speedKmh: 72 })])
        kit.stage.handle!.setView({ lon: 120.78, lat: 30.7, zoom: 15 })
      })
      await page.evaluate(() => kit.settle())
      const start = await placeAfter(0)
      const five = await placeAfter(5000)
      const ten = await placeAfter(5000)
      const metresPerPx = (40_075_016.686 * Math.cos((30.7 * Math.PI) / 180)) / (512 * 2 ** 15)
      assert.ok(Math.abs((five.seen.x - start.seen.x) * metresPerPx - 100) < 3, 'five seconds are 100 m')
      assert.ok(Math.abs(ten.seen.x - five.seen.x) < 0.6, 'then it waits')
      assert.ok(Math.abs(five.seen.y - start.seen.y) < 0.6, 'due east')
      await page.close()
    })

    test(`MAP-3 ${engine} shows age: filled, hollow after 60 s, crossed after 180 s, hatched when silent`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      const fresh = (await seeUnit(page, 'U-1', 'idle')).seen.count
      await page.evaluate(() => {
        kit.stage.at += 61_000
      })
      const hollow = (await seeUnit(page, 'U-1', 'idle')).seen.count
      await page.evaluate(() => {
        kit.stage.at += 120_000
      })
      const crossed = (await seeUnit(page, 'U-1', 'idle')).seen.count
      await page.evaluate(() => {
        kit.stage.units!.setUnits([kit.makeUnit('U-1', 120.78, 30.7, { silent: true })])
      })
      const silent = (await seeUnit(page, 'U-1', 'idle')).seen.count
      assert.ok(hollow > 10 && hollow < fresh * 0.6, `filled ${fresh} px, hollow ${hollow} px`)
      // Crossed glyphs are mixed towards grey: the pure colour is gone.
      assert.equal(crossed, 0)
      assert.ok(silent > 10 && silent < fresh * 0.9, `filled ${fresh} px, hatched ${silent} px`)
      await page.close()
    })

    test(`MAP-4 ${engine} finds under the pointer what is drawn there: square, unit, hospital, county`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      const hits = await page.evaluate(async () => {
        const { handle, units } = kit.stage
        handle!.overlays.setIncidents([{ id: 'I-1', lon: 120.8, lat: 30.7, level: 1 }])
        handle!.overlays.setHospitals([{ id: 'H-1', lon: 120.76, lat: 30.7, label: '医院' }])
        await kit.settle()
        const at = (lon: number, lat: number) => {
          const point = handle!.map.project([lon, lat])
          return [point.x, point.y] as [number, number]
        }
        const unit = at(120.78, 30.7)
        const foot = at(120.8, 30.7)
        return {
          unit: handle!.pick(unit),
          unitOnly: units!.pick([unit[0] + 8, unit[1]]),
          nobody: units!.pick([unit[0] + 60, unit[1]]),
          square: handle!.pick([foot[0], foot[1] - 22]),
          hospital: handle!.pick(at(120.76, 30.7)),
        }
      })
      assert.deepEqual(hits.unit.marks[0], { group: 'units', id: 'U-1' })
      assert.equal(hits.unitOnly, 'U-1')
      assert.equal(hits.nobody, undefined)
      assert.deepEqual(hits.square.marks[0], { group: 'incidents', id: 'I-1' })
      assert.deepEqual(hits.hospital.marks[0], { group: 'hospitals', id: 'H-1' })
      assert.equal(hits.unit.regionCode, '330402')
      await page.close()
    })

    test(`MAP-5 ${engine} takes changes of a source by id, and shades and outlines regions`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      const seen = await page.evaluate(async () => {
        const { handle } = kit.stage
        const level = (of: 1 | 2) => (of === 1 ? '#ff4d4f' : '#ff9f1a')
        const look = async () => {
          await kit.settle()
          return { one: (await kit.findColour(level(1))).count, two: (await kit.findColour(level(2))).count }
        }
        const mark = (id: string, lon: number, of: 1 | 2) => ({ id, lon, lat: 30.71, level: of })
        handle!.overlays.setIncidents([mark('A', 120.77, 1), mark('B', 120.8, 1)])
        const both = await look()
        handle!.overlays.setIncidents([mark('A', 120.77, 1)])
        const one = await look()
        handle!.addSource('own', [
          { id: 'own', type: 'circle', source: 'own', paint: { 'circle-color': '#ff9f1a', 'circle-radius': 20 } },
        ])
        const dot = (id: string, lon: number) => ({
          type: 'Feature' as const,
          properties: { id },
          geometry: { type: 'Point' as const, coordinates: [lon, 30.68] },
        })
        handle!.patch('own', { upsert: [dot('x', 120.76), dot('y', 120.8)], remove: [] })
        const dots = await look()
        handle!.patch('own', { upsert: [dot('y', 120.81)], remove: ['x'] })
        const dotLess = await look()
        handle!.setRegionStates(new Map([['330402', { shade: 1, level: 2 }]]))
        handle!.fitBounds(kit.findBounds(kit.pack, ['330402'])!)
        handle!.patch('own', { upsert: [], remove: ['y'] })
        const outlined = await look()
        return { both, one, dots, dotLess, outlined }
      })
      assert.ok(seen.one.one > 200 && Math.abs(seen.both.one - 2 * seen.one.one) < 40, JSON.stringify(seen))
      assert.ok(seen.dots.two > 2000 && Math.abs(seen.dots.two - 2 * seen.dotLess.two) < 100, JSON.stringify(seen))
      assert.ok(seen.outlined.two > 1000, `the border is drawn in the level's colour: ${seen.outlined.two} px`)
      await page.close()
    })

    test(`MAP-6 ${engine} draws everything again after the graphics context was lost`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      await page.evaluate(async () => {
        const { handle } = kit.stage
        handle!.overlays.setIncidents([{ id: 'I-1', lon: 120.8, lat: 30.7, level: 1 }])
        const canvas = handle!.map.getCanvas()
        const loss = canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!
        const heard = (name: string) => new Promise(resolve => canvas.addEventListener(name, resolve, { once: true }))
        const lost = heard('webglcontextlost')
        loss.loseContext()
        await lost
        // What arrives while there is no context must not be lost either.
        kit.stage.units!.update([kit.makeUnit('U-1', 120.785, 30.7)])
        kit.stage.at += 1000
        const restored = heard('webglcontextrestored')
        await new Promise(resolve => setTimeout(resolve, 50))
        loss.restoreContext()
        await restored
        await kit.settle()
      })
      const { said, seen } = await seeUnit(page, 'U-1', 'idle')
      assert.ok(seen.count > 100, `green pixels seen: ${seen.count}`)
      assert.ok(Math.hypot(seen.x - said.x, seen.y - said.y) < 6)
      const squares = await page.evaluate(() => kit.findColour('#ff4d4f'))
      assert.ok(squares.count > 200, `red pixels seen: ${squares.count}`)
      await page.close()
    })

    test(`MAP-7 ${engine} keeps units, incidents and regions through a change of theme and language`, async () => {
      const { page } = await visit(mapbox)
      await showTwoUnits(page, token)
      await page.evaluate(async () => {
        const { handle } = kit.stage
        handle!.overlays.setIncidents([{ id: 'I-1', lon: 120.8, lat: 30.7, level: 1 }])
        handle!.setStyle(kit.buildStyle(kit.pack, 'light', 'en'))
        // Said while the new style is not there yet.
        handle!.overlays.setIncidents([{ id: 'I-1', lon: 120.79, lat: 30.71, level: 1 }])
        await kit.settle()
      })
      assert.ok((await seeUnit(page, 'U-1', 'idle')).seen.count > 100)
      assert.ok((await page.evaluate(() => kit.findColour('#ff4d4f'))).count > 200)
      assert.ok((await page.evaluate(() => kit.findColour('#f7f9fc'))).count > 10_000, 'the land is light')
      assert.match((await page.locator('.vigil-hud-schematic').textContent()) ?? '', /Schematic/)
      await page.close()
    })
  })
}

test('MAP-8 Mapbox whose token is refused (401) gives way to MapLibre, says so, and nothing is lost', async () => {
  const { page, foreign } = await visit({ status: 401 })
  await page.evaluate(async token => {
    await kit.open({ token })
    kit.stage.units!.setUnits([kit.makeUnit('U-1', 120.78, 30.7)])
    kit.stage.handle!.overlays.setIncidents([{ id: 'I-1', lon: 120.8, lat: 30.7, level: 1 }])
  }, madeUpToken)
  await page.waitForFunction(() => kit.stage.fallbacks.length > 0 && kit.stage.handle!.kind === 'maplibre')
  await page.evaluate(async () => {
    await kit.settle()
  })
  const fallbacks = await page.evaluate(() => kit.stage.fallbacks)
  assert.deepEqual(
    fallbacks.map(reason => reason.code),
    ['MAPBOX_TOKEN_REFUSED'],
  )
  assert.match(fallbacks[0]!.words.zh, /MapLibre/)
  const { said, seen } = await seeUnit(page, 'U-1', 'idle')
  assert.ok(seen.count > 100 && Math.hypot(seen.x - said.x, seen.y - said.y) < 6)
  assert.ok((await page.evaluate(() => kit.findColour('#ff4d4f'))).count > 200)
  assert.equal(await page.locator('.vigil-map-engine').count(), 1, 'the old engine has left the page')
  const asked = foreign.length
  await page.evaluate(() => kit.countFrames(300))
  assert.equal(foreign.length, asked, 'Mapbox is not asked again')
  await page.close()
})

test('MAP-9 without WebGL2 the map refuses with MAP_UNAVAILABLE and words in both languages', async () => {
  const plain = await launchBrowser({ switches: ['--disable-3d-apis'] })
  try {
    const page = await plain.browser.newPage()
    await page.goto(site.origin)
    const refusal = await page.evaluate(async () => {
      try {
        await kit.open()
        return 'opened'
      } catch (error) {
        return kit.isMapUnavailable(error) ? { code: error.code, words: error.words } : String(error)
      }
    })
    assert.ok(typeof refusal === 'object', String(refusal))
    assert.equal(refusal.code, 'MAP_UNAVAILABLE')
    assert.match(refusal.words.zh, /地图不可用/)
    assert.match(refusal.words.en, /Map unavailable/)
    assert.equal(await page.locator('.vigil-hud').count(), 0, 'no empty frame is left behind')
  } finally {
    await plain.close()
  }
})

test('MAP-10 the frame names the ground: 示意, source, licence, 审图号, WGS-84; without a pack it says what is missing', async () => {
  const { page } = await visit()
  await page.evaluate(() => kit.open({ approval: '测试用-不是审图号' }))
  const ground = (await page.locator('.vigil-hud-ground').textContent()) ?? ''
  for (const part of ['示意', '嘉兴市示意底图', 'CC0-1.0', '审图号 测试用-不是审图号'])
    assert.ok(ground.includes(part), part)
  assert.equal(await page.locator('.vigil-hud-datum').textContent(), 'WGS-84')
  assert.match((await page.locator('.vigil-hud-scale-text').textContent()) ?? '', /^[125]0{0,2} k?m$/)
  assert.equal(await page.locator('.vigil-hud-missing').isVisible(), false)
  await page.evaluate(() => kit.stage.handle!.destroy())
  assert.equal(
    await page.evaluate(() => document.getElementById('map')!.childElementCount),
    0,
    'destroy leaves nothing',
  )

  await page.evaluate(async () => {
    await kit.open({ ground: false })
    kit.stage.units!.setUnits([kit.makeUnit('U-1', 120.78, 30.7)])
    await kit.settle()
  })
  assert.match((await page.locator('.vigil-hud-missing').textContent()) ?? '', /未装载底图/)
  assert.equal(await page.locator('.vigil-hud-schematic').count(), 0)
  assert.ok((await seeUnit(page, 'U-1', 'idle')).seen.count > 100, 'units are drawn without a ground')
  await page.close()
})

test('MAP-11 a hidden tab draws nothing, a visible one only while something moves, one flash at most', async () => {
  const { page } = await visit()
  await showTwoUnits(page)
  const frames = await page.evaluate(async () => {
    const show = (state: string) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
      document.dispatchEvent(new Event('visibilitychange'))
    }
    kit.stage.units!.setUnits([kit.makeUnit('U-1', 120.78, 30.7, { status: 'distress' })])
    kit.stage.units!.flash('U-1')
    const flashing = await kit.countFrames(1500)
    show('hidden')
    await kit.countFrames(200)
    const hidden = await kit.countFrames(1500)
    kit.stage.units!.flash(undefined)
    show('visible')
    await kit.countFrames(200)
    const still = await kit.countFrames(1500)
    return { flashing, hidden, still }
  })
  assert.equal(frames.hidden, 0)
  // At rest one frame a second is drawn, for the ages.
  assert.ok(frames.still <= 3, JSON.stringify(frames))
  assert.ok(frames.flashing > frames.still, JSON.stringify(frames))
  assert.ok(frames.flashing <= 1.5 * 31, `not more than 30 frames a second: ${JSON.stringify(frames)}`)

  const ring = await page.evaluate(async () => {
    kit.stage.units!.flash('U-1')
    const near = { ...kit.projectUnit('U-1'), reach: 40 }
    kit.stage.at = Math.ceil(kit.stage.at / 1000) * 1000 + 100
    const on = (await kit.findColour(kit.colourOf('distress'), near)).count
    kit.stage.at += 500
    const off = (await kit.findColour(kit.colourOf('distress'), near)).count
    return { on, off }
  })
  assert.ok(ring.on > ring.off * 1.5 && ring.off > 100, `the glyph itself never disappears: ${JSON.stringify(ring)}`)
  await page.close()
})

test('MAP-12 names are shown for at most 150 units in view, for the selected one always', async () => {
  const { page } = await visit()
  const named = await page.evaluate(async () => {
    await kit.open()
    const { handle, units } = kit.stage
    const list = () => [...new Set(handle!.map.querySourceFeatures('unit-labels').map(found => found.properties.id))]
    const shown = async (expected: (count: number) => boolean) => {
      // Two rounds of the labels' one-second clock, then as long as a slow machine needs.
      await new Promise(resolve => setTimeout(resolve, 2200))
      await kit.until(() => expected(list().length))
      return list().length
    }
    units!.setUnits(kit.listUnits(2000, kit.stage.at))
    handle!.setView({ zoom: 11 })
    const crowd = await shown(count => count === 0)
    units!.select('浙F-001')
    const selected = await shown(count => count === 1)
    units!.setUnits(kit.listUnits(100, kit.stage.at))
    const few = await shown(count => count > 10)
    handle!.setView({ zoom: 9 })
    const city = await shown(count => count === 1)
    return { crowd, selected, few, city }
  })
  assert.equal(named.crowd, 0)
  assert.equal(named.selected, 1)
  assert.ok(named.few > 10 && named.few <= 100, JSON.stringify(named))
  assert.equal(named.city, 1)
  await page.close()
})

test('MAP-13 two thousand units are moved by every update; its cost is written down beside that of a bare frame', async t => {
  const { page } = await visit()
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  const readTaskMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(metric => metric.name === 'TaskDuration')?.value ?? Number.NaN)
  }
  await page.evaluate(async () => {
    await kit.open()
    kit.stage.units!.setUnits(kit.listUnits(2000, kit.stage.at))
    kit.stage.handle!.fitBounds(kit.findBounds(kit.pack)!)
    await kit.settle()
  })
  const before = await page.evaluate(() => kit.findColour(kit.colourOf('idle')))
  const rounds = 10
  /** Draws ten frames, with or without an update of all units before each; CPU ms of the page's main thread per frame. */
  const measure = async (withUpdates: boolean): Promise<{ taskMs: number; callMs: number[] }> => {
    await page.evaluate(() => {
      const kept = window as unknown as { lists: ReturnType<Kit['listUnits']>[] }
      kept.lists = Array.from({ length: 10 }, (_, round) =>
        kit
          .listUnits(2000, kit.stage.at + 1000 * round)
          .map(unit => ({ ...unit, lon: unit.lon + (round + 1) * 0.002 })),
      )
    })
    const from = await readTaskMs()
    const callMs = await page.evaluate(async updating => {
      const { lists } = window as unknown as { lists: ReturnType<Kit['listUnits']>[] }
      const spent: number[] = []
      for (const list of lists) {
        const rendered = new Promise(resolve => kit.stage.handle!.map.once('render', resolve))
        if (updating) {
          kit.stage.at += 1000
          const start = performance.now()
          kit.stage.units!.update(list)
          spent.push(performance.now() - start)
        } else kit.stage.handle!.map.triggerRepaint()
        await rendered
      }
      return spent.sort((a, b) => a - b)
    }, withUpdates)
    return { taskMs: ((await readTaskMs()) - from) / rounds, callMs }
  }
  const bare = await measure(false)
  const updated = await measure(true)
  const after = await page.evaluate(() => {
    kit.stage.at += 1000
    return kit.findColour(kit.colourOf('idle'))
  })
  assert.equal(await page.evaluate(() => kit.stage.units!.count), 2000)
  assert.ok(before.count > 1000 && after.x - before.x > 5, 'the crowd has moved east')
  t.diagnostic(
    `call: median ${updated.callMs[rounds >> 1]!.toFixed(2)} ms, worst ${updated.callMs.at(-1)!.toFixed(2)} ms`,
  )
  t.diagnostic(
    `main thread CPU per frame: ${updated.taskMs.toFixed(1)} ms with an update, ${bare.taskMs.toFixed(1)} ms bare`,
  )
  await page.close()
})

test('MAP-14 a Mapbox map that stays blank without a word is exchanged all the same', async () => {
  const { page } = await visit({ status: 200 })
  await page.evaluate(async token => {
    const { stage } = kit
    const blank = { ...kit.buildStyle(kit.pack, 'dark', 'zh'), layers: [] }
    stage.handle = await kit.createMap({
      container: document.getElementById('map')!,
      style: blank,
      center: [120.78, 30.7],
      zoom: 12,
      token,
      onFallback: reason => stage.fallbacks.push(reason),
    })
  }, madeUpToken)
  await page.waitForFunction(() => kit.stage.fallbacks.length > 0)
  assert.equal(await page.evaluate(() => kit.stage.fallbacks[0]!.code), 'MAPBOX_BLANK')
  await page.close()
})
