// The layer of all moving units: one instanced draw call in the engine's own WebGL2 context, the same GLSL in both
// engines. Motion, ageing and flashing happen in the shaders, so a frame costs the page nothing per unit; the page works
// only when fixes arrive. Buffers are rebuilt after a lost context, nothing is drawn while the tab is hidden, and
// repaints are asked for at most 30 times a second.

import { levelInk, statuses, surfaces, type Theme } from '../look/palette.ts'
import { getMainMatrix, type LayerJson, type SourceFeature } from './engine.ts'
import { labelFont } from './style.ts'
import {
  createUnitMotion,
  crossedAfterS,
  glideS,
  hollowAfterS,
  noCourse,
  silentFlag,
  strideWords,
  toLat,
  toLon,
  toMercatorX,
  toMercatorY,
  type UnitGlyph,
} from './unit-motion.ts'

/** Ids of the custom layer and of the labels' source and layer. */
export const unitsLayerId = 'units'
export const unitLabelSource = 'unit-labels'

/** Labels are made for at most this many units; beyond it names cover the map and cost more than the units. */
export const labelsMax = 150
// Over a whole city letters and colours speak; names there only hide the ground.
const labelZoomMin = 10.5

/** What the layer needs from the map that carries it. */
export interface UnitsHost {
  /** Asks for one frame; does nothing while the engine is being exchanged. */
  repaint(): void
  getView(): { lon: number; lat: number; zoom: number; theme: Theme }
  getBox(): { west: number; south: number; east: number; north: number }
  patch(source: string, change: { upsert: readonly SourceFeature[]; remove: readonly string[] }): void
  unproject(point: readonly [x: number, y: number]): { lon: number; lat: number }
  getMetresPerPx(): number
}

/** What may be chosen about the layer. */
export interface UnitsOptions {
  /** The clock units are aged by, epoch ms; give the server's clock where it is known. Default: this machine's. */
  readonly now?: () => number
  /** The text under a unit; default its id. */
  readonly labelOf?: (unitId: string) => string
  /** Repaints a second at most; default 30, lower it on weak clients. */
  readonly fpsMax?: number
}

/** The units of one map. All functions may be called at any time, also while the engine is being exchanged. */
export interface UnitsLayer {
  /** Replaces all units; nothing glides. */
  setUnits(records: ArrayLike<UnitGlyph>): void
  /** Adds or moves some units and takes some away; a known unit glides from where it is drawn to its new fix. */
  update(changed: ArrayLike<UnitGlyph>, removed?: readonly string[]): void
  /** Puts the ring around one unit and its label on the map; without an id nothing is selected. */
  select(unitId?: string): void
  /** Flashes one unit at 1 Hz; the caller keeps the rule that only one thing flashes at a time. */
  flash(unitId?: string): void
  /** The unit drawn at a point in CSS pixels of the map, or nearest to it within the radius. */
  pick(point: readonly [x: number, y: number], radiusPx?: number): string | undefined
  /** Where a unit is drawn now; undefined for an unknown unit. */
  findPlace(unitId: string): { lon: number; lat: number } | undefined
  setVisible(visible: boolean): void
  setLabelsVisible(visible: boolean): void
  readonly count: number
  /** For the map: the engine's custom layer, to be added again after every style load. */
  readonly engineLayer: LayerJson
  /** For the map: the label layer that goes with it. */
  readonly labelLayer: LayerJson
  /** For the map: colours of the theme have changed. */
  setTheme(theme: Theme): void
  destroy(): void
}

const fpsDefault = 30
// A desk without a graphics card paints a frame in a tenth of a second: the map may then have a quarter of the time, no more.
const mapShareMax = 0.25
// Even the weakest desk sees the units move once a second.
const pauseMaxMs = 1000
// 1 Hz: half the rate above which flashing is a hazard, and the look allows at most 2.
const flashHz = 1
const atlasCellPx = 64

/** Radius of a glyph's body in CSS pixels: small over a whole city, legible with its letter from a district on. */
export function computeGlyphRadius(zoom: number): number {
  const stops: [number, number][] = [
    [6, 4],
    [8, 6],
    [10, 8.5],
    [13, 11],
    [16, 13],
  ]
  const last = stops.at(-1)!
  if (zoom >= last[0]) return last[1]
  const above = stops.findIndex(([at]) => at > zoom)
  if (above <= 0) return stops[0]![1]
  const [fromZoom, fromPx] = stops[above - 1]!
  const [toZoom, toPx] = stops[above]!
  return fromPx + ((zoom - fromZoom) / (toZoom - fromZoom)) * (toPx - fromPx)
}

// The quad is 2.7 radii to each side: the nose ends at 1.75, the ring of a selected unit at 2.2.
const vertexSource = `#version 300 es
precision highp float;
layout(location = 0) in vec4 a_place;
layout(location = 1) in vec4 a_drive;
layout(location = 2) in vec3 a_state;
uniform mat4 u_matrix;
uniform vec2 u_viewport;
uniform float u_now;
uniform float u_radius;
out vec2 v_point;
flat out float v_course;
flat out float v_age;
flat out int v_status;
flat out int v_silent;
void main() {
  float elapsed = max(0.0, u_now - a_drive.z);
  vec2 target = a_place.zw + a_drive.xy * min(elapsed, a_drive.w);
  vec2 place = mix(a_place.xy, target, min(1.0, elapsed / ${glideS.toFixed(1)}));
  int code = int(a_state.z + 0.5);
  v_status = code % ${silentFlag};
  v_silent = code / ${silentFlag};
  v_course = a_state.x;
  v_age = u_now - a_state.y;
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  v_point = corner * 2.7;
  vec4 clip = u_matrix * vec4(place, 0.0, 1.0);
  gl_Position = clip + vec4(corner * vec2(1.0, -1.0) * 2.7 * u_radius * 2.0 / u_viewport * clip.w, 0.0, 0.0);
}`

const fragmentSource = `#version 300 es
precision highp float;
in vec2 v_point;
flat in float v_course;
flat in float v_age;
flat in int v_status;
flat in int v_silent;
uniform sampler2D u_letters;
uniform vec3 u_colours[${statuses.length}];
uniform vec3 u_ground;
uniform vec3 u_ink;
uniform vec3 u_faint;
uniform vec3 u_accent;
uniform float u_radius;
uniform float u_selected;
uniform float u_flash;
out vec4 colour;

float body(vec2 p, float course) {
  float round_ = length(p) - 1.0;
  if (course < ${(noCourse / 2).toFixed(1)}) return round_;
  float s = sin(course);
  float c = cos(course);
  // North is up (negative y on screen): turn the point back so that the nose lies along -y.
  vec2 q = vec2(c * p.x + s * p.y, -s * p.x + c * p.y);
  // The nose is the two tangents from its tip at 1.75 radii to the circle.
  float tip = 1.75;
  vec2 side = vec2(sqrt(tip * tip - 1.0), 1.0) / tip;
  float nose = max(dot(vec2(abs(q.x), -q.y - tip), vec2(side.x, side.y)), q.y + 1.0 / tip);
  return min(round_, nose);
}

vec4 over(vec4 top, vec4 under) {
  return top + under * (1.0 - top.a);
}

vec4 ink(vec3 rgb, float alpha) {
  return vec4(rgb * alpha, alpha);
}

void main() {
  float px = 1.0 / u_radius;
  float edge = body(v_point, v_course);
  vec3 tone = u_colours[v_status];
  bool silent = v_silent > 0 || v_status == ${statuses.findIndex(look => look.status === 'silent')};
  bool crossed = v_age > ${crossedAfterS.toFixed(1)};
  bool hollow = silent || crossed || v_age > ${hollowAfterS.toFixed(1)};
  if (crossed) tone = mix(tone, u_faint, 0.55);

  float inside = smoothstep(0.5 * px, -0.5 * px, edge);
  float rim = inside * smoothstep(-2.6 * px, -1.6 * px, edge);
  vec4 sum = ink(u_ground, 0.92 * smoothstep(2.0 * px, 1.0 * px, edge));
  if (hollow) {
    sum = over(ink(u_ground, inside), sum);
    if (silent) {
      float stripe = abs(fract((v_point.x + v_point.y) * 1.15) - 0.5) * 2.0;
      float hatch = smoothstep(0.42, 0.58, stripe) * inside * smoothstep(0.60, 0.66, length(v_point));
      sum = over(ink(tone, hatch), sum);
    }
    // A hatched body keeps a thin rim: a thick one would eat the stripes and look merely hollow.
    sum = over(ink(tone, silent ? rim * smoothstep(-1.7 * px, -0.9 * px, edge) : rim), sum);
  } else {
    sum = over(ink(tone, inside), sum);
  }

  if (u_radius > 6.5) {
    vec2 cell = v_point / 2.1 + 0.5;
    if (all(greaterThan(cell, vec2(0.0))) && all(lessThan(cell, vec2(1.0)))) {
      int letter = silent ? ${statuses.findIndex(look => look.status === 'silent')} : v_status;
      vec2 at = vec2((float(letter) + cell.x) / ${statuses.length.toFixed(1)}, cell.y);
      float mark = texture(u_letters, at).a;
      sum = over(ink(hollow ? tone : u_ink, mark), sum);
    }
  }
  if (crossed) {
    float bar = abs(v_point.x + v_point.y) * 0.7071;
    float within = smoothstep(1.5, 1.4, length(v_point));
    sum = over(ink(u_ground, within * smoothstep(2.6 * px, 1.8 * px, bar)), sum);
    sum = over(ink(tone, within * smoothstep(1.5 * px, 0.7 * px, bar)), sum);
  }
  if (u_selected > 0.5) {
    float ring = abs(length(v_point) - 2.1);
    sum = over(ink(u_ground, smoothstep(3.0 * px, 2.0 * px, ring)), sum);
    sum = over(ink(u_accent, smoothstep(1.8 * px, 0.9 * px, ring)), sum);
  }
  if (u_flash > 0.5) {
    float ring = abs(length(v_point) - 2.25);
    sum = over(ink(tone, smoothstep(0.42, 0.34, ring)), sum);
  }
  if (sum.a < 0.004) discard;
  colour = sum;
}`

/** Everything that lives in the graphics card and dies with its context. */
interface Drawing {
  readonly program: WebGLProgram
  readonly array: WebGLVertexArrayObject
  readonly buffer: WebGLBuffer
  readonly letters: WebGLTexture
  readonly places: ReadonlyMap<string, WebGLUniformLocation | null>
  bytes: number
  version: number
}

const uniformNames = [
  'u_matrix',
  'u_viewport',
  'u_now',
  'u_radius',
  'u_letters',
  'u_colours',
  'u_ground',
  'u_ink',
  'u_faint',
  'u_accent',
  'u_selected',
  'u_flash',
]

/**
 * Milliseconds to wait before the next frame is asked for: the capped rate where frames come promptly; where a frame takes long
 * (`frameTookMs` from asking to drawing), so long that the map leaves the processor to clicks, lists and alarms.
 */
export function computeFramePause(frameMs: number, frameTookMs: number): number {
  return Math.min(pauseMaxMs, Math.max(frameMs, frameTookMs <= frameMs ? 0 : frameTookMs * (1 / mapShareMax - 1)))
}

/** Builds the layer; the map adds it to the engine and feeds it nothing but frames. */
export function createUnitsLayer(host: UnitsHost, options: UnitsOptions = {}): UnitsLayer {
  const now = options.now ?? Date.now
  const labelOf = options.labelOf ?? ((unitId: string) => unitId)
  const frameMs = 1000 / (options.fpsMax ?? fpsDefault)
  const motion = createUnitMotion()
  let drawing: Drawing | undefined
  let theme: Theme = host.getView().theme
  let selectedId: string | undefined
  let flashingId: string | undefined
  let visible = true
  let labelsVisible = true
  let frameTimer: ReturnType<typeof setTimeout> | undefined
  let labelled = new Map<string, string>()
  let askedAt: number | undefined
  let frameTookMs = 0

  const isHidden = () => document.visibilityState === 'hidden'
  const isMoving = () => flashingId !== undefined || now() < motion.stillAfterAt

  /** Asks for frames at the capped rate for as long as something moves, and for none when it does not. */
  function wake(): void {
    if (frameTimer !== undefined || isHidden() || !visible) return
    askedAt ??= performance.now()
    host.repaint()
    if (!isMoving()) return
    frameTimer = setTimeout(
      () => {
        frameTimer = undefined
        wake()
      },
      computeFramePause(frameMs, frameTookMs),
    )
  }

  function rest(): void {
    clearTimeout(frameTimer)
    frameTimer = undefined
  }

  const onVisibility = () => {
    if (isHidden()) rest()
    else wake()
  }
  document.addEventListener('visibilitychange', onVisibility)

  // Once a second the labels follow and a frame is drawn even at rest, so that a glyph turns hollow by itself.
  const secondTimer = setInterval(() => {
    if (isHidden() || !visible) return
    refreshLabels()
    if (motion.count > 0) wake()
  }, 1000)

  function refreshLabels(): void {
    const at = now()
    const next = new Map<string, string>()
    const upsert: SourceFeature[] = []
    if (labelsVisible && visible) {
      const box = host.getBox()
      const inside = motion.listInside(
        {
          west: toMercatorX(box.west),
          east: toMercatorX(box.east),
          north: toMercatorY(box.north),
          south: toMercatorY(box.south),
        },
        labelsMax + 1,
        at,
      )
      // Either every unit in view has its name or only the selected one: a random part of them would mislead.
      const shown = inside.length > labelsMax || host.getView().zoom < labelZoomMin ? [] : inside
      if (selectedId !== undefined && motion.find(selectedId) && !shown.includes(selectedId)) shown.push(selectedId)
      for (const unitId of shown) {
        const place = motion.findPlace(unitId, at)
        if (!place) continue
        const lon = toLon(place.x)
        const lat = toLat(place.y)
        const chosen = unitId === selectedId
        const text = labelOf(unitId)
        const print = `${lon.toFixed(6)} ${lat.toFixed(6)} ${chosen} ${text}`
        next.set(unitId, print)
        if (labelled.get(unitId) === print) continue
        upsert.push({
          type: 'Feature',
          properties: { id: unitId, text, chosen },
          geometry: { type: 'Point', coordinates: [lon, lat] },
        })
      }
    }
    const remove = [...labelled.keys()].filter(unitId => !next.has(unitId))
    labelled = next
    if (upsert.length > 0 || remove.length > 0) host.patch(unitLabelSource, { upsert, remove })
  }

  function draw(gl: WebGL2RenderingContext, argument: unknown): void {
    if (askedAt !== undefined) {
      // One slow frame slows at once, prompt ones quicken step by step.
      frameTookMs = Math.max(performance.now() - askedAt, frameTookMs * 0.8)
      askedAt = undefined
    }
    if (!visible || motion.count === 0) return
    // After a lost context the old names are dead; a new engine brings another context altogether.
    if (!drawing || !gl.isProgram(drawing.program)) drawing = buildDrawing(gl)
    upload(gl, drawing)
    const view = host.getView()
    const radius = computeGlyphRadius(view.zoom)
    const look = surfaces[theme]
    const at = drawing.places
    // biome-ignore lint/correctness/useHookAtTopLevel: a WebGL call, not a React hook
    gl.useProgram(drawing.program)
    gl.uniformMatrix4fv(
      at.get('u_matrix')!,
      false,
      shiftMatrix(getMainMatrix(argument), motion.originX, motion.originY),
    )
    const ratio = window.devicePixelRatio || 1
    gl.uniform2f(at.get('u_viewport')!, gl.drawingBufferWidth / ratio, gl.drawingBufferHeight / ratio)
    gl.uniform1f(at.get('u_now')!, motion.toSeconds(now()))
    gl.uniform1f(at.get('u_radius')!, radius)
    gl.uniform1i(at.get('u_letters')!, 0)
    gl.uniform3fv(
      at.get('u_colours')!,
      statuses.flatMap(status => toRgb(status.colour)),
    )
    gl.uniform3fv(at.get('u_ground')!, toRgb(theme === 'dark' ? look.ground : look.panel))
    gl.uniform3fv(at.get('u_ink')!, toRgb(levelInk))
    gl.uniform3fv(at.get('u_faint')!, toRgb(look.faint))
    gl.uniform3fv(at.get('u_accent')!, toRgb(look.accent))
    gl.uniform1f(at.get('u_selected')!, 0)
    gl.uniform1f(at.get('u_flash')!, 0)
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D, drawing.letters)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.disable(gl.DEPTH_TEST)
    gl.disable(gl.STENCIL_TEST)
    gl.disable(gl.CULL_FACE)
    gl.bindVertexArray(drawing.array)
    gl.bindBuffer(gl.ARRAY_BUFFER, drawing.buffer)
    pointAttributes(gl, 0)
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, motion.count)
    // The unit somebody looks at, and the one that calls for help, lie on top of a crowd.
    for (const unitId of new Set([selectedId, flashingId])) {
      const slot = unitId === undefined ? undefined : motion.findSlot(unitId)
      if (slot === undefined) continue
      gl.uniform1f(at.get('u_selected')!, unitId === selectedId ? 1 : 0)
      gl.uniform1f(at.get('u_flash')!, unitId === flashingId && isFlashOn(now()) ? 1 : 0)
      pointAttributes(gl, slot)
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, 1)
    }
    gl.bindVertexArray(null)
    gl.bindBuffer(gl.ARRAY_BUFFER, null)
    gl.bindTexture(gl.TEXTURE_2D, null)
  }

  function upload(gl: WebGL2RenderingContext, into: Drawing): void {
    const dirty = motion.takeDirty()
    const bytes = motion.words.byteLength
    if (into.version !== motion.version || into.bytes < bytes) {
      gl.bindBuffer(gl.ARRAY_BUFFER, into.buffer)
      gl.bufferData(gl.ARRAY_BUFFER, motion.words, gl.DYNAMIC_DRAW)
      into.bytes = bytes
      into.version = motion.version
    } else if (dirty) {
      const from = dirty.from * strideWords
      gl.bindBuffer(gl.ARRAY_BUFFER, into.buffer)
      gl.bufferSubData(gl.ARRAY_BUFFER, from * 4, motion.words, from, (dirty.to - dirty.from + 1) * strideWords)
    }
  }

  const engineLayer = {
    id: unitsLayerId,
    type: 'custom',
    renderingMode: '2d',
    onAdd() {
      drawing = undefined
      wake()
    },
    onRemove(_map: unknown, gl: WebGL2RenderingContext) {
      if (drawing && !gl.isContextLost()) dropDrawing(gl, drawing)
      drawing = undefined
    },
    render: draw,
  }

  return {
    get count() {
      return motion.count
    },
    engineLayer: engineLayer as unknown as LayerJson,
    get labelLayer() {
      return buildLabelLayer(theme)
    },
    setUnits(records) {
      motion.set(records, now())
      refreshLabels()
      wake()
    },
    update(changed, removed = []) {
      motion.update(changed, removed, now())
      wake()
    },
    select(unitId) {
      selectedId = unitId
      refreshLabels()
      wake()
    },
    flash(unitId) {
      flashingId = unitId
      wake()
    },
    pick(point, radiusPx = 6) {
      if (!visible) return undefined
      const { lon, lat } = host.unproject(point)
      const reachPx = radiusPx + computeGlyphRadius(host.getView().zoom)
      // Metres to Mercator units at this latitude, as in unit-motion.
      const perMetre = 1 / (40_075_016.686 * Math.cos((lat * Math.PI) / 180))
      return motion.pick(toMercatorX(lon), toMercatorY(lat), reachPx * host.getMetresPerPx() * perMetre, now())
    },
    findPlace(unitId) {
      const place = motion.findPlace(unitId, now())
      return place && { lon: toLon(place.x), lat: toLat(place.y) }
    },
    setVisible(next) {
      visible = next
      refreshLabels()
      if (visible) wake()
      else rest()
      host.repaint()
    },
    setLabelsVisible(next) {
      labelsVisible = next
      refreshLabels()
    },
    setTheme(next) {
      theme = next
      wake()
    },
    destroy() {
      rest()
      clearInterval(secondTimer)
      document.removeEventListener('visibilitychange', onVisibility)
    },
  }
}

function isFlashOn(at: number): boolean {
  return (at * flashHz) % 1000 < 500
}

function buildLabelLayer(theme: Theme): LayerJson {
  const look = surfaces[theme]
  const layer = {
    id: unitLabelSource,
    type: 'symbol',
    source: unitLabelSource,
    layout: {
      'text-field': ['get', 'text'],
      'text-font': [...labelFont],
      'text-size': ['interpolate', ['linear'], ['zoom'], 9, 10, 13, 12],
      'text-anchor': 'top',
      'text-offset': ['case', ['==', ['get', 'chosen'], true], ['literal', [0, 2.1]], ['literal', [0, 1.25]]],
      'text-padding': 1,
      'symbol-sort-key': ['case', ['==', ['get', 'chosen'], true], 0, 1],
    },
    paint: {
      'text-color': ['case', ['==', ['get', 'chosen'], true], look.text, look.muted],
      'text-halo-color': look.ground,
      'text-halo-width': 1.6,
    },
  }
  return layer as unknown as LayerJson
}

/** The matrix for places relative to an origin, computed in double precision before it is cut to Float32. */
function shiftMatrix(matrix: ArrayLike<number>, x: number, y: number): Float32Array {
  const shifted = Float32Array.from(matrix)
  for (let row = 0; row < 4; row += 1) shifted[12 + row] = matrix[row]! * x + matrix[4 + row]! * y + matrix[12 + row]!
  return shifted
}

function toRgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16)
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255]
}

function pointAttributes(gl: WebGL2RenderingContext, slot: number): void {
  const stride = strideWords * 4
  const from = slot * stride
  gl.vertexAttribPointer(0, 4, gl.FLOAT, false, stride, from)
  gl.vertexAttribPointer(1, 4, gl.FLOAT, false, stride, from + 16)
  gl.vertexAttribPointer(2, 3, gl.FLOAT, false, stride, from + 32)
}

function buildDrawing(gl: WebGL2RenderingContext): Drawing {
  const program = gl.createProgram()
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexSource],
    [gl.FRAGMENT_SHADER, fragmentSource],
  ] as const) {
    const shader = gl.createShader(kind)
    if (!shader) throw new Error('The graphics context is lost while the units layer is built')
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
    gl.deleteShader(shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`The units layer does not link: ${gl.getProgramInfoLog(program)}`)
  const array = gl.createVertexArray()
  const buffer = gl.createBuffer()
  gl.bindVertexArray(array)
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
  for (const place of [0, 1, 2]) {
    gl.enableVertexAttribArray(place)
    gl.vertexAttribDivisor(place, 1)
  }
  gl.bindVertexArray(null)
  return {
    program,
    array,
    buffer,
    letters: buildLetters(gl),
    places: new Map(uniformNames.map(name => [name, gl.getUniformLocation(program, name)])),
    bytes: 0,
    version: -1,
  }
}

function dropDrawing(gl: WebGL2RenderingContext, drawing: Drawing): void {
  gl.deleteProgram(drawing.program)
  gl.deleteVertexArray(drawing.array)
  gl.deleteBuffer(drawing.buffer)
  gl.deleteTexture(drawing.letters)
}

/** One row of cells with the letters of all statuses, in their order; only alpha is read. */
function buildLetters(gl: WebGL2RenderingContext): WebGLTexture {
  const canvas = document.createElement('canvas')
  canvas.width = atlasCellPx * statuses.length
  canvas.height = atlasCellPx
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  if (!pen) throw new Error('A canvas without a 2d context cannot draw the status letters')
  pen.font = `700 ${Math.round(atlasCellPx * 0.72)}px system-ui, "Noto Sans CJK SC", sans-serif`
  pen.textAlign = 'center'
  pen.textBaseline = 'alphabetic'
  pen.fillStyle = '#ffffff'
  for (const [index, look] of statuses.entries()) {
    const ink = pen.measureText(look.letter)
    const middle = atlasCellPx / 2 + (ink.actualBoundingBoxAscent - ink.actualBoundingBoxDescent) / 2
    pen.fillText(look.letter, (index + 0.5) * atlasCellPx, middle)
  }
  const image = pen.getImageData(0, 0, canvas.width, canvas.height)
  const letters = gl.createTexture()
  gl.activeTexture(gl.TEXTURE0)
  gl.bindTexture(gl.TEXTURE_2D, letters)
  // The engines leave these switches as their last upload wanted them; ours wants neither.
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false)
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false)
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4)
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, canvas.width, canvas.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, image.data)
  gl.generateMipmap(gl.TEXTURE_2D)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
  gl.bindTexture(gl.TEXTURE_2D, null)
  return letters
}
