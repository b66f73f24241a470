/**
 * Fleet: the shapes that entries and views share about people and places on duty: shifts and crews of units, what a hospital
 * says of itself, how a region's centre works. Nothing here knows an entry or a view.
 */
import { z } from 'zod'
import { EpochMs, Id, Name } from './scalars.ts'

/** Crew members of one unit at most: doctor, nurse, driver, stretcher bearers, trainees. */
export const crewMax = 8
/** Breaks of one shift at most. */
export const breaksMax = 6
/** Shifts a unit holds at a time: the present one and the next three. */
export const shiftsMax = 4
/** Moves to another base a unit may be asked for in a shift, where its region says nothing. */
export const movesPerShiftDefault = 4
/** Bases a unit may be sent to at most: its station and the agreed standby points. */
export const basesMax = 32

export const CrewRole = z.enum(['doctor', 'nurse', 'driver', 'stretcher', 'trainee'])

/** One entry of the roster: who rides on a unit from when to when, and when they rest. */
export const Shift = z.strictObject({
  shiftId: Id,
  startsAt: EpochMs,
  endsAt: EpochMs,
  crew: z.array(z.strictObject({ role: CrewRole, name: Name, accountId: Id.optional() })).max(crewMax),
  breaks: z
    .array(z.strictObject({ from: EpochMs, to: EpochMs }))
    .max(breaksMax)
    .default([]),
})
export type Shift = z.infer<typeof Shift>

/** How a region's centre works. @source the three modes of Chinese centres: 独立型, 指挥型, 依托型 */
export const OperatingMode = z.enum(['independent', 'command', 'attached'])
export type OperatingMode = z.infer<typeof OperatingMode>
export const operatingModeNames: Readonly<Record<OperatingMode, { zh: string; en: string }>> = {
  independent: { zh: '独立型', en: 'independent' },
  command: { zh: '指挥型', en: 'command only' },
  attached: { zh: '依托型', en: 'attached to a hospital' },
}

/** Services a hospital may offer and divert. @source EDXL-HAVE 2.0 services, domain/dispatch.md §1.7 */
export const HospitalService = z.enum([
  'emergency',
  'chest-pain',
  'stroke',
  'trauma',
  'obstetric',
  'paediatric',
  'neonatal',
  'poisoning',
  'burn',
  'dialysis',
  'hyperbaric',
  'isolation',
  'psychiatric',
])
export type HospitalService = z.infer<typeof HospitalService>
export const hospitalServiceNames: Readonly<Record<HospitalService, { zh: string; en: string }>> = {
  emergency: { zh: '急诊', en: 'emergency' },
  'chest-pain': { zh: '胸痛中心', en: 'chest pain' },
  stroke: { zh: '卒中中心', en: 'stroke' },
  trauma: { zh: '创伤中心', en: 'trauma' },
  obstetric: { zh: '产科', en: 'obstetrics' },
  paediatric: { zh: '儿科', en: 'paediatrics' },
  neonatal: { zh: '新生儿', en: 'neonatal' },
  poisoning: { zh: '中毒救治', en: 'poisoning' },
  burn: { zh: '烧伤', en: 'burns' },
  dialysis: { zh: '透析', en: 'dialysis' },
  hyperbaric: { zh: '高压氧', en: 'hyperbaric' },
  isolation: { zh: '负压隔离', en: 'isolation' },
  psychiatric: { zh: '精神科', en: 'psychiatry' },
}

/** A diversion lasts at most this long and must then be said again. @source domain/dispatch.md §6.3 point 10: max 2 h */
export const diversionMaxMs = 2 * 3_600_000
/** Figures of a hospital older than this are shown with their age and count for nothing in advice: a shift of 8 h. */
export const hospitalOldMs = 8 * 3_600_000

const Beds = z.int().min(0).max(10_000).optional()

/** What a hospital says of itself; absent figures are unknown, never 0. */
export const HospitalState = z.strictObject({
  edState: z.enum(['open', 'busy', 'closed']),
  /** Patients in the emergency department now, and how many it is made for. */
  edPatients: z.int().min(0).max(10_000).optional(),
  edCapacity: z.int().min(1).max(10_000).optional(),
  /** Minutes an ambulance waits to hand over. */
  offloadMin: z.int().min(0).max(600).optional(),
  beds: z.strictObject({ ed: Beds, icu: Beds, ward: Beds, isolation: Beds, operating: Beds }).default({}),
  services: z.array(HospitalService).max(20).default([]),
  diversions: z
    .array(z.strictObject({ service: HospitalService, reason: z.string().min(1).max(200), until: EpochMs }))
    .max(20)
    .default([]),
})
export type HospitalState = z.infer<typeof HospitalState>
