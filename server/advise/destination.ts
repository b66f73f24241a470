/**
 * Destination: to which hospital a patient should go: drive, services wanted, load and diversions with the age of what is known.
 * Stands beside the line: asked for, answers rows, changes nothing. A figure too old counts for nothing and is shown as old; no
 * hospital is ever left out for what it says of itself, it only stands lower with the reason beside it.
 */
import { type HospitalService, type HospitalState, hospitalOldMs, hospitalServiceNames } from '#contract/fleet.ts'
import type { DestinationSettings } from './settings.ts'
import type { Words } from './why.ts'

/** A hospital as the choice sees it: the drive there, and what it last said. */
export type HospitalAhead = {
  placeId: string
  driveSeconds: number
  metres: number
  state?: HospitalState & { reportedAt: number }
}

export type DestinationRow = {
  placeId: string
  driveSeconds: number
  metres: number
  scoreSeconds: number
  missing: readonly HospitalService[]
  isOld: boolean
  diverted: readonly { service: HospitalService; reason: string; until: number }[]
  why: Words
}

function nameServices(services: readonly HospitalService[], language: 'zh' | 'en'): string {
  return services.map(service => hospitalServiceNames[service][language]).join(language === 'zh' ? '、' : ', ')
}

/** Ranks hospitals, best first; equal scores by drive, then id. Those with no road are left out. */
export function rankHospitals(input: {
  wants: readonly HospitalService[]
  hospitals: readonly HospitalAhead[]
  now: number
  settings: DestinationSettings
}): DestinationRow[] {
  const { wants, now, settings } = input
  const rows: DestinationRow[] = []
  for (const { placeId, driveSeconds, metres, state } of input.hospitals) {
    if (!Number.isFinite(driveSeconds)) continue
    const isOld = state === undefined || now - state.reportedAt > hospitalOldMs
    // Services are what a hospital is, not how it fares today: they count however old the figure.
    const missing = wants.filter(service => !(state?.services ?? []).includes(service))
    const diverted = (state?.diversions ?? []).filter(
      row => row.until > now && (row.service === 'emergency' || wants.includes(row.service)),
    )
    const zh: string[] = []
    const en: string[] = []
    let scoreSeconds = driveSeconds + missing.length * settings.missingServiceSeconds
    if (wants.length > 0 && missing.length === 0) {
      zh.push(`具备${nameServices(wants, 'zh')}`)
      en.push(`has ${nameServices(wants, 'en')}`)
    } else if (missing.length > 0) {
      zh.push(`未登记${nameServices(missing, 'zh')}`)
      en.push(`${nameServices(missing, 'en')} not registered`)
    }
    if (diverted.length > 0) {
      scoreSeconds += settings.divertedSeconds
      zh.push(`分流中：${diverted.map(row => row.reason).join('、')}`)
      en.push(`on diversion: ${diverted.map(row => row.reason).join(', ')}`)
    }
    if (isOld) {
      scoreSeconds += settings.unknownSeconds
      zh.push('急诊情况未知')
      en.push('state of the department unknown')
    } else {
      if (state.edState === 'closed') {
        scoreSeconds += settings.divertedSeconds
        zh.push('急诊关闭')
        en.push('department closed')
      } else if (state.edState === 'busy') {
        scoreSeconds += settings.busySeconds
        zh.push('急诊繁忙')
        en.push('department busy')
      }
      const load =
        state.edPatients === undefined || state.edCapacity === undefined ? 0 : state.edPatients / state.edCapacity
      if (load > 1) {
        scoreSeconds += (load - 1) * settings.overloadSeconds
        zh.push(`负荷 ${Math.round(load * 100)}%`)
        en.push(`load ${Math.round(load * 100)} %`)
      }
      if (state.offloadMin !== undefined && state.offloadMin > 0) {
        scoreSeconds += state.offloadMin * 60 * settings.offloadWeight
        zh.push(`交接约等 ${state.offloadMin} 分钟`)
        en.push(`about ${state.offloadMin} min to hand over`)
      }
    }
    rows.push({
      placeId,
      driveSeconds,
      metres,
      scoreSeconds,
      missing,
      isOld,
      diverted,
      why: { zh: zh.join('；'), en: en.join('; ') },
    })
  }
  return rows
    .sort(
      (a, b) => a.scoreSeconds - b.scoreSeconds || a.driveSeconds - b.driveSeconds || (a.placeId < b.placeId ? -1 : 1),
    )
    .slice(0, settings.rowsMax)
}
