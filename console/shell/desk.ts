/**
 * What this seat is looking at and doing: page, selection, the form being filled, overlays, sound. One selection for list
 * and map. Kept in the address (page and selected case or alert), so that a link shows a colleague the same thing.
 */
import { create } from 'zustand'
import type { Role } from '#contract/scalars.ts'

export const pages = [
  'dispatch',
  'alerts',
  'series',
  'cases',
  'sources',
  'rules',
  'weekly',
  'shift',
  'replay',
  'quality',
  'reports',
  'admin',
  'audit',
] as const
export type Page = (typeof pages)[number]

/** An incident being made by hand or from a call; nothing of it is kept anywhere until it is sent. */
export type Draft = {
  callId?: string
  level: 1 | 2 | 3 | 4
  syndrome: string
  lon?: number
  lat?: number
  /** What the address search offered and this seat took: its id, name and region, and whether it lies outside all of them. */
  gazetteerId?: string
  accepted?: string
  regionCode?: string
  isOutside?: boolean
}

/** Where the map is asked to look; `at` makes two equal wishes two. */
export type MapWish =
  | { what: 'incident' | 'unit' | 'alert' | 'call'; id: string; at: number }
  | { what: 'place'; lon: number; lat: number; at: number }
  | { what: 'all'; at: number }

export type Desk = {
  /** Roles of the session at this seat; the server judges, this only spares people buttons that would be refused. */
  roles: readonly Role[]
  seatName: string
  /** Regions of the session: an offer to one of them is this seat's to answer. */
  regions: readonly string[]
  /** Account of the session: a second person must be another. */
  accountId: string
  page: Page
  incidentId: string | undefined
  unitId: string | undefined
  callId: string | undefined
  alertId: string | undefined
  draft: Draft | undefined
  /** Level asked for by a digit key, waiting for Enter. */
  levelAsked: 1 | 2 | 3 | 4 | undefined
  /** Unit whose status letters are shown. */
  statusOf: string | undefined
  /** Unit whose release is being reasoned. */
  releaseOf: string | undefined
  trackOf: string | undefined
  /** The strip of the case panel that is open: handing over, help, joining, hospital, mass casualty. */
  strip: 'transfer' | 'aid' | 'merge' | 'hospital' | 'mass' | 'cover' | undefined
  /** A unit that was sent although another was advised first: the reason is asked beside, never in the way. */
  override: { incidentId: string; unitId: string; rank: number; advisedUnitId: string } | undefined
  commandOpen: boolean
  helpOpen: boolean
  muted: boolean
  /** Alarms somebody at this seat has answered by key; they ring no more. */
  silenced: ReadonlySet<string>
  wish: MapWish | undefined
}

/** Alarms remembered as silenced; beyond it the oldest are forgotten, their causes are long gone. */
export const silencedMax = 500

function readAddress(): Partial<Desk> {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?')
  const params = new URLSearchParams(query ?? '')
  // A page sent to a telephone ends in /alerts/<id>: short enough to be typed.
  const [first, id] = (path ?? '').split('/')
  if (first === 'alerts' && id) params.set('alert', decodeURIComponent(id))
  const page = pages.find(each => each === first)
  return {
    ...(page ? { page } : {}),
    incidentId: params.get('incident') ?? undefined,
    alertId: params.get('alert') ?? undefined,
  }
}

export const useDesk = create<Desk>()(() => ({
  roles: [],
  seatName: '',
  regions: [],
  strip: undefined,
  override: undefined,
  accountId: '',
  page: 'dispatch',
  unitId: undefined,
  callId: undefined,
  draft: undefined,
  levelAsked: undefined,
  statusOf: undefined,
  releaseOf: undefined,
  trackOf: undefined,
  commandOpen: false,
  helpOpen: false,
  muted: false,
  silenced: new Set(),
  wish: undefined,
  incidentId: undefined,
  alertId: undefined,
  ...readAddress(),
}))

/** Keeps the address equal to what is shown; replaces, so that "back" leaves the console and not a row. */
export function keepAddress(): () => void {
  return useDesk.subscribe(desk => {
    const params = new URLSearchParams()
    if (desk.page === 'dispatch' && desk.incidentId) params.set('incident', desk.incidentId)
    if (desk.page === 'alerts' && desk.alertId) params.set('alert', desk.alertId)
    const query = params.toString()
    const hash = `#/${desk.page}${query ? `?${query}` : ''}`
    if (hash !== location.hash) window.history.replaceState(null, '', hash)
  })
}

let wishes = 0
function wishFor(what: 'incident' | 'unit' | 'alert' | 'call', id: string): MapWish {
  return { what, id, at: ++wishes }
}

/** Selects an incident; the map follows it. */
export function chooseIncident(incidentId: string | undefined): void {
  const before = useDesk.getState()
  useDesk.setState({
    incidentId,
    levelAsked: undefined,
    ...(before.incidentId === incidentId ? {} : { statusOf: undefined, releaseOf: undefined, strip: undefined }),
    ...(incidentId ? { draft: undefined, callId: undefined, wish: wishFor('incident', incidentId) } : {}),
  })
}

/** Selects a unit beside whatever else is selected. */
export function chooseUnit(unitId: string | undefined, follow = false): void {
  useDesk.setState({
    unitId,
    statusOf: undefined,
    releaseOf: undefined,
    ...(unitId === useDesk.getState().trackOf ? {} : { trackOf: undefined }),
    ...(unitId && follow ? { wish: wishFor('unit', unitId) } : {}),
  })
}

/** Selects a waiting call; the map shows its place when it has one. */
export function chooseCall(callId: string | undefined): void {
  useDesk.setState({ callId, ...(callId ? { wish: wishFor('call', callId) } : {}) })
}

/** Selects an alert; the map shows its region. */
export function chooseAlert(alertId: string | undefined): void {
  useDesk.setState({ alertId, ...(alertId ? { wish: wishFor('alert', alertId) } : {}) })
}

/** Asks the map to look at what is selected, or at everything. */
export function followChosen(): void {
  const desk = useDesk.getState()
  if (desk.page === 'alerts' && desk.alertId) useDesk.setState({ wish: wishFor('alert', desk.alertId) })
  else if (desk.unitId) useDesk.setState({ wish: wishFor('unit', desk.unitId) })
  else if (desk.incidentId) useDesk.setState({ wish: wishFor('incident', desk.incidentId) })
  else showAll()
}

/** Asks the map for the whole area. */
export function showAll(): void {
  useDesk.setState({ wish: { what: 'all', at: ++wishes } })
}

/** Asks the map for a place that is no thing yet: an address just taken. */
export function showPlace({ lon, lat }: { lon: number; lat: number }): void {
  useDesk.setState({ wish: { what: 'place', lon, lat, at: ++wishes } })
}

/** Marks alarms as answered at this seat. */
export function silence(alarmIds: readonly string[]): void {
  const silenced = [...useDesk.getState().silenced, ...alarmIds].slice(-silencedMax)
  useDesk.setState({ silenced: new Set(silenced) })
}

/** True when this seat holds one of the roles. */
export function useRole(...wanted: readonly Role[]): boolean {
  return useDesk(desk => desk.roles.some(role => wanted.includes(role)))
}
