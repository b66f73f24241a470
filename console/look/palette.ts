// The one place in TypeScript with the colours, the unit statuses and the case levels: everything a canvas, a chart or
// the map paints is taken from here. tokens.css carries the same values for the style sheets and a test holds the two
// equal. Level and status are two systems; shape and letter tell them apart before colour does.

/** The two themes: dark is the desk's default, light is for the tablet in daylight and the wall board. */
export type Theme = 'dark' | 'light'

/** The two languages of every text on a screen. */
export type Language = 'zh' | 'en'

/** One word in both languages. */
export type Words = Readonly<Record<Language, string>>

/** Surface and text colours of one theme; `accent` marks focus, selection and links and is never a state. */
export interface Surface {
  readonly ground: string
  readonly panel: string
  readonly raised: string
  readonly line: string
  readonly text: string
  readonly muted: string
  readonly faint: string
  readonly accent: string
  readonly clockWarn: string
  readonly clockOver: string
  readonly clockOverText: string
}

export const surfaces: Readonly<Record<Theme, Surface>> = {
  dark: {
    ground: '#0b1220',
    panel: '#111a2b',
    raised: '#17233a',
    line: '#22314d',
    text: '#e6edf7',
    muted: '#9db0cc',
    faint: '#66799a',
    accent: '#4c8dff',
    clockWarn: '#ffb020',
    clockOver: '#c92a2a',
    clockOverText: '#ffffff',
  },
  light: {
    ground: '#eef2f8',
    panel: '#ffffff',
    raised: '#e3eaf4',
    line: '#c3cfe0',
    text: '#0f1a2c',
    muted: '#43546e',
    faint: '#6b7c97',
    accent: '#1f63d8',
    clockWarn: '#9a5b00',
    clockOver: '#c92a2a',
    clockOverText: '#ffffff',
  },
}

/** Case and alert level, 1 the most urgent. */
export type Level = 1 | 2 | 3 | 4

/** How a level is drawn: a filled square with the numeral, in every theme. */
export interface LevelLook {
  readonly level: Level
  readonly numeral: 'I' | 'II' | 'III' | 'IV'
  readonly colour: string
  readonly words: Words
}

export const levels: Readonly<Record<Level, LevelLook>> = {
  1: { level: 1, numeral: 'I', colour: '#ff4d4f', words: { zh: '危', en: 'Immediate' } },
  2: { level: 2, numeral: 'II', colour: '#ff9f1a', words: { zh: '重', en: 'Critical' } },
  3: { level: 3, numeral: 'III', colour: '#ffd43b', words: { zh: '急', en: 'Urgent' } },
  4: { level: 4, numeral: 'IV', colour: '#5aa9ff', words: { zh: '轻', en: 'Minor' } },
}

/** Ink on a level's filled square: dark in both themes, because all four level colours are light (≥ 5.7:1). */
export const levelInk = '#0b1220'

/** Unit status, one word each; the order is the order of a run and never changes (the map packs the index). */
export type UnitStatus =
  | 'idle'
  | 'ordered'
  | 'rolling'
  | 'onScene'
  | 'loaded'
  | 'atHospital'
  | 'handover'
  | 'returning'
  | 'unavailable'
  | 'silent'
  | 'distress'

/** How a status is drawn: an outlined pill with its letter on a panel, a pointing glyph with its letter on the map. */
export interface StatusLook {
  readonly status: UnitStatus
  readonly letter: string
  readonly colour: string
  readonly words: Words
}

export const statuses: readonly StatusLook[] = [
  { status: 'idle', letter: 'Z', colour: '#35c26b', words: { zh: '待命', en: 'Idle' } },
  { status: 'ordered', letter: 'L', colour: '#c8d24a', words: { zh: '受令', en: 'Ordered' } },
  { status: 'rolling', letter: 'C', colour: '#4c8dff', words: { zh: '出车', en: 'Rolling' } },
  { status: 'onScene', letter: 'X', colour: '#ff9f1a', words: { zh: '现场', en: 'On scene' } },
  { status: 'loaded', letter: 'Y', colour: '#a678ff', words: { zh: '载人', en: 'Loaded' } },
  { status: 'atHospital', letter: 'D', colour: '#22c3d6', words: { zh: '到院', en: 'At hospital' } },
  { status: 'handover', letter: 'J', colour: '#b08858', words: { zh: '交接', en: 'Handover' } },
  { status: 'returning', letter: 'F', colour: '#4fae9a', words: { zh: '返站', en: 'Returning' } },
  { status: 'unavailable', letter: 'B', colour: '#6b7a90', words: { zh: '不可用', en: 'Unavailable' } },
  { status: 'silent', letter: 'S', colour: '#9db0cc', words: { zh: '失联', en: 'Silent' } },
  { status: 'distress', letter: '!', colour: '#ff2d55', words: { zh: '求助', en: 'Distress' } },
]

const statusIndexOf: ReadonlyMap<string, number> = new Map(statuses.map((look, index) => [look.status, index]))

/** The place of a status in `statuses`; undefined for a word that is not a status. */
export function findStatusIndex(status: string): number | undefined {
  return statusIndexOf.get(status)
}

/** The look of a status; undefined for a word that is not a status. */
export function findStatusLook(status: string): StatusLook | undefined {
  const index = statusIndexOf.get(status)
  return index === undefined ? undefined : statuses[index]
}

/** Colours of the drawn ground of one theme; quiet on purpose, so that only levels and statuses speak. */
export interface Cartography {
  readonly outside: string
  readonly land: string
  readonly water: string
  readonly waterLine: string
  readonly waterLabel: string
  readonly green: string
  readonly roadCasing: string
  readonly expressway: string
  readonly arterial: string
  readonly collector: string
  readonly rail: string
  readonly border: string
  readonly borderGlow: string
  readonly streetBorder: string
  readonly regionLabel: string
  readonly placeLabel: string
  readonly roadLabel: string
  readonly halo: string
  readonly graticule: string
  readonly route: string
  /** Two ends of the choropleth ramp: one hue, darker to lighter (dark theme) or lighter to darker (light theme). */
  readonly shadeLow: string
  readonly shadeHigh: string
}

export const cartography: Readonly<Record<Theme, Cartography>> = {
  dark: {
    outside: '#0b1220',
    land: '#141f36',
    water: '#0a2942',
    waterLine: '#154064',
    waterLabel: '#5d8fb8',
    green: '#11292a',
    roadCasing: '#0b1220',
    expressway: '#5f779f',
    arterial: '#3b4f73',
    collector: '#293a58',
    rail: '#465877',
    border: '#6f8ec6',
    borderGlow: '#22385c',
    streetBorder: '#293a57',
    regionLabel: '#b9c8de',
    placeLabel: '#8396b4',
    roadLabel: '#7084a5',
    halo: '#0b1220',
    graticule: '#1b2941',
    route: '#dbe6f6',
    shadeLow: '#16294a',
    shadeHigh: '#3d86a8',
  },
  light: {
    outside: '#dfe6f0',
    land: '#f7f9fc',
    water: '#c3dbee',
    waterLine: '#a9cbe5',
    waterLabel: '#3f7199',
    green: '#dcebdf',
    roadCasing: '#c9d3e1',
    expressway: '#a3b3cb',
    arterial: '#c2cddd',
    collector: '#d9e1ec',
    rail: '#aab6c8',
    border: '#6d84a9',
    borderGlow: '#ccd7e8',
    streetBorder: '#cbd5e4',
    regionLabel: '#2c3d58',
    placeLabel: '#53657f',
    roadLabel: '#66788f',
    halo: '#f7f9fc',
    graticule: '#cfd9e7',
    route: '#16263f',
    shadeLow: '#dbe6f3',
    shadeHigh: '#3d6a9b',
  },
}
