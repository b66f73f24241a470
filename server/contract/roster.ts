/**
 * Roster: who is on duty for which role and region, and when lesser pages wait. Published as entries (`roster.published`),
 * one roster a region. Holds accounts and references into the SMS gateway's own address book, never a name or a number.
 */
import { z } from 'zod'
import { EpochMs, Id, Level, Role } from './scalars.ts'

/** Shifts of one publication at most: 3 shifts a day × 31 days × 10 roles and more. */
export const shiftsMax = 2_000
export const quietHoursMax = 50

/** One person on duty for a role, from (inclusive) until (exclusive). */
export const DutyShift = z
  .strictObject({
    role: Role,
    accountId: Id,
    /** Where the SMS gateway finds the telephone: its own key, never the number. */
    contactRef: Id.optional(),
    fromAt: EpochMs,
    untilAt: EpochMs,
  })
  .refine(shift => shift.fromAt < shift.untilAt, { path: ['untilAt'], message: 'not after fromAt' })
export type DutyShift = z.infer<typeof DutyShift>

const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

/** Hours (Asia/Shanghai, may pass midnight) in which pages of these levels wait until the end. Level 1 never waits. */
export const QuietHours = z.strictObject({
  role: Role.optional(),
  from: ClockTime,
  until: ClockTime,
  /** The most urgent level that still waits: 2, 3 or 4. */
  fromLevel: Level.min(2),
})
export type QuietHours = z.infer<typeof QuietHours>
