/**
 * Routing: who must be told of an alert or a public-health event, and when no longer. Pages are due in the world; the pager
 * (fanout/) sends them and says what came of it through the door. A page holds level, place and link, never a name. The roster
 * says who is on duty, its quiet hours which pages wait; level 1 never waits.
 */
import { dayMs, shanghaiOffsetMs } from '#contract/scalars.ts'
import type { Alert, Page, PublicEvent, Roster, Touched, World } from '../state/world.ts'

/** Deepest region tree walked, as everywhere. */
const regionDepthMax = 8
/** People on duty named on one page at most. */
export const onDutyMax = 20
const minuteMs = 60_000

/** Pages of one alert step have one id: a replay or a second process cannot page twice under another name. */
export function getPageId(subjectId: string, step: number): string {
  return `P-${subjectId}-${step}`
}

/** Rosters that hold for a region, the nearest first: its own, then those of the regions above it. */
function listRosters(world: World, regionCode: string): Roster[] {
  const rosters: Roster[] = []
  let at: string | undefined = regionCode
  for (let depth = 0; at !== undefined && depth < regionDepthMax; depth++) {
    const roster = world.rosters.get(at)
    if (roster) rosters.push(roster)
    at = world.regions.get(at)?.parentCode
  }
  return rosters
}

type Person = { accountId: string; contactRef?: string }

/**
 * Who is on duty for a role at a time: the people of the nearest region that has somebody. Empty when rosters hold here and
 * nobody has the role now; undefined when no roster was ever published for the region or above it.
 */
export function findOnDuty(world: World, role: string, regionCode: string, at: number): Person[] | undefined {
  const rosters = listRosters(world, regionCode)
  if (rosters.length === 0) return undefined
  for (const roster of rosters) {
    const people = roster.shifts.filter(shift => shift.role === role && shift.fromAt <= at && at < shift.untilAt)
    if (people.length > 0)
      return people
        .slice(0, onDutyMax)
        .map(({ accountId, contactRef }) => ({ accountId, ...(contactRef === undefined ? {} : { contactRef }) }))
  }
  return []
}

function toMinutes(clockTime: string): number {
  return Number(clockTime.slice(0, 2)) * 60 + Number(clockTime.slice(3))
}

/** When a page of this level may be sent: now, or the end of the quiet hours of the nearest roster that has any. */
export function getSendAt(world: World, role: string, regionCode: string, level: number, now: number): number {
  if (level <= 1) return now
  const quiet = listRosters(world, regionCode).find(roster => roster.quietHours.length > 0)?.quietHours ?? []
  const minute = Math.floor(((now + shanghaiOffsetMs) % dayMs) / minuteMs)
  let sendAt = now
  for (const hours of quiet) {
    if ((hours.role !== undefined && hours.role !== role) || level < hours.fromLevel) continue
    const from = toMinutes(hours.from)
    const until = toMinutes(hours.until)
    const isQuiet = from <= until ? from <= minute && minute < until : from <= minute || minute < until
    if (!isQuiet) continue
    const minutesLeft = (until - minute + 1_440) % 1_440
    // To the end of the minute of the clock: seconds already gone of this one are not waited twice.
    const endAt = now - ((now + shanghaiOffsetMs) % minuteMs) + minutesLeft * minuteMs
    sendAt = Math.max(sendAt, endAt)
  }
  return sendAt
}

/** Adds a page; answers whether somebody can be expected to read it (no roster, or somebody on duty). */
function addDue(
  world: World,
  page: Pick<Page, 'pageId' | 'alertId' | 'step' | 'role' | 'regionCode' | 'level' | 'eventId'>,
  touched: Touched,
): boolean {
  const dueAt = getSendAt(world, page.role, page.regionCode, page.level, world.city.now)
  const onDuty = findOnDuty(world, page.role, page.regionCode, dueAt)
  if (world.pages.has(page.pageId)) return true
  world.pages.set(page.pageId, {
    ...page,
    dueAt,
    attempts: 0,
    withdrawn: false,
    ...(onDuty && onDuty.length > 0 ? { to: onDuty } : {}),
  })
  touched.pages.add(page.pageId)
  return onDuty === undefined || onDuty.length > 0
}

/** Makes one step of an alert due for a role in its region; false when nobody is on duty for it. */
export function addPage(world: World, alert: Alert, step: number, role: string, touched: Touched): boolean {
  const { alertId, regionCode, level } = alert
  return addDue(world, { pageId: getPageId(alertId, step), alertId, step, role, regionCode, level }, touched)
}

/** Makes a page about a public-health event due; it is of the most urgent level whatever the event's grade. */
export function addEventPage(world: World, event: PublicEvent, step: number, role: string, touched: Touched): void {
  const { eventId, regionCode } = event
  const pageId = getPageId(eventId, step)
  addDue(world, { pageId, alertId: eventId, eventId, step, role, regionCode, level: 1 }, touched)
}

/** Once somebody has answered, the pages not yet sent are withdrawn. */
export function withdrawPages(world: World, subjectId: string, touched: Touched): void {
  for (const page of world.pages.values()) {
    if (page.alertId !== subjectId || page.receiptedAt !== undefined || page.withdrawn) continue
    page.withdrawn = true
    touched.pages.add(page.pageId)
  }
}
