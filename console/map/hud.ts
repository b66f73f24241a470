// The frame around the map, plain DOM over the canvas: what ground this is (示意 mark, source, licence, 审图号), the
// datum, a scale bar and the place under the pointer. It stands bottom right, because Mapbox's wordmark owns the bottom
// left. The 示意 mark cannot be switched off: it follows from the pack.

import type { Language, Words } from '../look/palette.ts'
import { describeMissingGround, type GroundFacts } from './style.ts'

/** A scale bar: a round length and how wide it is drawn. */
export interface ScaleBar {
  readonly metres: number
  readonly widthPx: number
}

/** The frame of one map. */
export interface Hud {
  setGround(facts: GroundFacts | undefined): void
  setScale(metresPerPx: number): void
  /** The place under the pointer, or undefined when the pointer has left the map. */
  setPointer(place: { lon: number; lat: number } | undefined): void
  destroy(): void
}

const schematicWords: Words = { zh: '示意', en: 'Schematic' }
const schematicTitle: Words = { zh: '手绘示意底图，不是测绘成果', en: 'Hand-drawn schematic ground, not a survey' }
const scaleWidthPx = 110

/** The longest bar of 1, 2 or 5 times a power of ten that fits the width given. */
export function chooseScale(metresPerPx: number, widthMaxPx: number = scaleWidthPx): ScaleBar {
  const longest = metresPerPx * widthMaxPx
  const power = 10 ** Math.floor(Math.log10(longest))
  const metres = [5, 2, 1].map(step => step * power).find(length => length <= longest) ?? power
  return { metres, widthPx: Math.round(metres / metresPerPx) }
}

/** Metres one CSS pixel covers at a latitude and zoom; 512 px hold the world at zoom 0 in both engines. */
export function computeMetresPerPx(lat: number, zoom: number): number {
  // 40 075 016.686 m is the length of the WGS-84 equator.
  return (40_075_016.686 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** zoom)
}

/** Builds the frame inside the map's container. */
export function createHud(container: HTMLElement): Hud {
  const root = addPart(container, 'vigil-hud')
  const ground = addPart(root, 'vigil-hud-ground')
  const row = addPart(root, 'vigil-hud-row')
  const pointer = addPart(row, 'vigil-hud-pointer')
  const scale = addPart(row, 'vigil-hud-scale')
  const scaleText = addPart(scale, 'vigil-hud-scale-text')
  const scaleBar = addPart(scale, 'vigil-hud-scale-bar')
  const datum = addPart(row, 'vigil-hud-datum')
  datum.textContent = 'WGS-84'
  const missing = addPart(container, 'vigil-hud-missing')
  missing.setAttribute('role', 'status')
  missing.hidden = true

  return {
    setGround(facts) {
      const language: Language = facts?.language ?? 'zh'
      const theme = facts?.theme ?? 'dark'
      for (const part of [root, missing]) part.dataset.theme = theme
      container.dataset.mapTheme = theme
      missing.hidden = facts?.meta !== undefined
      missing.textContent = describeMissingGround(language)
      ground.replaceChildren()
      const meta = facts?.meta
      if (!meta) return
      if (meta.schematic) {
        const mark = addPart(ground, 'vigil-hud-schematic')
        mark.textContent = schematicWords[language]
        mark.title = schematicTitle[language]
      }
      addPart(ground, 'vigil-hud-source').textContent = [meta.name, meta.source, meta.licence, meta.day].join(' · ')
      if (meta.approval) addPart(ground, 'vigil-hud-approval').textContent = `审图号 ${meta.approval}`
    },
    setScale(metresPerPx) {
      const { metres, widthPx } = chooseScale(metresPerPx)
      scaleBar.style.width = `${widthPx}px`
      scaleText.textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`
    },
    setPointer(place) {
      pointer.textContent = place ? `${place.lon.toFixed(5)}, ${place.lat.toFixed(5)}` : ''
    },
    destroy() {
      root.remove()
      missing.remove()
      delete container.dataset.mapTheme
    },
  }
}

function addPart(parent: HTMLElement, className: string): HTMLElement {
  const part = document.createElement('div')
  part.className = className
  parent.append(part)
  return part
}
