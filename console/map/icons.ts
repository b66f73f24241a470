// The few pictures of the standing things on the map (incidents, hospitals, stations, facilities), drawn on a canvas
// from the palette at twice the size, so that no picture file has to be fetched. A level is a filled square with its
// numeral; nothing else on the map is a filled square.

import { type Level, levelInk, levels, surfaces, type Theme } from '../look/palette.ts'

/** A picture the engines take with addImage; `id` is what layers name it by. */
export interface Icon {
  readonly id: string
  readonly image: ImageData
  readonly pixelRatio: number
}

const ratio = 2

/** Every picture the layers of this module use, for one theme. */
export function listIcons(theme: Theme): Icon[] {
  const look = surfaces[theme]
  const squares = ([1, 2, 3, 4] as Level[]).map(level =>
    drawIcon(`level-${level}`, 30, 38, pen => {
      paintSquare(pen, levels[level].colour, look.ground)
      paintText(pen, levels[level].numeral, 15, 15, level >= 3 ? 12 : 14, levelInk)
    }),
  )
  return [
    ...squares,
    drawIcon('level-unknown', 30, 38, pen => {
      paintSquare(pen, look.muted, look.ground)
      paintText(pen, '?', 15, 15, 14, look.ground)
    }),
    drawIcon('incident-chosen', 40, 43, pen => {
      pen.strokeStyle = look.ground
      pen.lineWidth = 4.5
      pen.strokeRect(4, 4, 32, 32)
      pen.strokeStyle = look.accent
      pen.lineWidth = 2.5
      pen.strokeRect(4, 4, 32, 32)
    }),
    drawIcon('hospital', 22, 22, pen => {
      paintRound(pen, 1, 20, 4, look.panel, look.text)
      pen.fillStyle = look.text
      pen.fillRect(9.4, 5, 3.2, 12)
      pen.fillRect(5, 9.4, 12, 3.2)
    }),
    drawIcon('station', 20, 20, pen => {
      pen.beginPath()
      pen.moveTo(10, 2)
      pen.lineTo(18, 9)
      pen.lineTo(18, 18)
      pen.lineTo(2, 18)
      pen.lineTo(2, 9)
      pen.closePath()
      pen.fillStyle = look.panel
      pen.fill()
      pen.strokeStyle = look.muted
      pen.lineWidth = 1.5
      pen.lineJoin = 'round'
      pen.stroke()
      pen.fillStyle = look.muted
      pen.fillRect(7.5, 11.5, 5, 6)
    }),
    drawIcon('facility', 14, 14, pen => {
      pen.save()
      pen.translate(7, 7)
      pen.rotate(Math.PI / 4)
      pen.fillStyle = look.panel
      pen.fillRect(-4, -4, 8, 8)
      pen.strokeStyle = look.muted
      pen.lineWidth = 1.4
      pen.strokeRect(-4, -4, 8, 8)
      pen.restore()
    }),
  ]
}

function drawIcon(id: string, widthPx: number, heightPx: number, paint: (pen: CanvasRenderingContext2D) => void): Icon {
  const canvas = document.createElement('canvas')
  canvas.width = widthPx * ratio
  canvas.height = heightPx * ratio
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  if (!pen) throw new Error('A canvas without a 2d context cannot draw the map pictures')
  pen.scale(ratio, ratio)
  paint(pen)
  return { id, image: pen.getImageData(0, 0, canvas.width, canvas.height), pixelRatio: ratio }
}

/** A square of 22 px on a short stem whose foot is the place itself, so that a unit at the scene leaves it readable. */
function paintSquare(pen: CanvasRenderingContext2D, fill: string, edge: string): void {
  for (const [colour, grow] of [
    [edge, 2],
    [fill, 0],
  ] as const) {
    pen.fillStyle = colour
    pen.fillRect(4 - grow, 4 - grow, 22 + 2 * grow, 22 + 2 * grow)
    pen.beginPath()
    pen.moveTo(15 - 4 - grow, 26)
    pen.lineTo(15 + 4 + grow, 26)
    pen.lineTo(15, 36 + grow)
    pen.closePath()
    pen.fill()
  }
}

function paintRound(
  pen: CanvasRenderingContext2D,
  at: number,
  size: number,
  radius: number,
  fill: string,
  edge: string,
): void {
  pen.beginPath()
  pen.roundRect(at, at, size, size, radius)
  pen.fillStyle = fill
  pen.fill()
  pen.strokeStyle = edge
  pen.lineWidth = 1.5
  pen.stroke()
}

function paintText(
  pen: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  sizePx: number,
  colour: string,
): void {
  pen.font = `700 ${sizePx}px system-ui, "Noto Sans CJK SC", sans-serif`
  pen.textAlign = 'center'
  pen.textBaseline = 'alphabetic'
  pen.fillStyle = colour
  // Centred on the ink of the capitals, not on the line box, which sits too high in most fonts.
  const ink = pen.measureText(text)
  pen.fillText(text, x, y + (ink.actualBoundingBoxAscent - ink.actualBoundingBoxDescent) / 2)
}
