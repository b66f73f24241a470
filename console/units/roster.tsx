/**
 * The roster of one unit at the shift leader's seat: who rides on it from when to when, and when they rest; and how the centre of
 * its region works. Times are written as clock times near now; what does not hold is refused by the house beside the form.
 */
import { useState } from 'react'
import type { BodyInputOf } from '#contract/entry.ts'
import { type CrewRole, movesPerShiftDefault, OperatingMode, operatingModeNames } from '#contract/fleet.ts'
import type { UnitView } from '#contract/view.ts'
import { assignCrew, setMode, subjectOf } from '../incidents/actions.ts'
import { readBreaks, readClockTime } from '../incidents/choices.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk, useRole } from '../shell/desk.ts'
import { formatTime } from '../shell/format.ts'
import { Action, SentNote } from '../shell/parts.tsx'

const crewRoles = [
  'doctor',
  'nurse',
  'driver',
  'stretcher',
] as const satisfies readonly (typeof CrewRole.options)[number][]
/** A usual shift: 12 h from the next full hour. */
const shiftMs = 12 * 3_600_000
const hourMs = 3_600_000

/** The form of one shift. */
export function RosterStrip({ unit, now }: { unit: UnitView; now: number }) {
  const { t } = useTexts()
  const current = unit.shifts?.find(shift => shift.startsAt <= now && now < shift.endsAt)
  const start = current?.startsAt ?? Math.floor(now / hourMs) * hourMs
  const [from, setFrom] = useState(formatTime(start).slice(0, 5))
  const [to, setTo] = useState(formatTime(current?.endsAt ?? start + shiftMs).slice(0, 5))
  const [rest, setRest] = useState(
    current?.breaks
      .map(pause => `${formatTime(pause.from).slice(0, 5)}-${formatTime(pause.to).slice(0, 5)}`)
      .join(' ') ?? '',
  )
  const [names, setNames] = useState<Partial<Record<(typeof crewRoles)[number], string>>>(
    Object.fromEntries(current?.crew.map(member => [member.role, member.name]) ?? []),
  )
  const startsAt = readClockTime(from, start)
  const endsAt = startsAt === undefined ? undefined : readClockTime(to, startsAt + shiftMs)
  const breaks = startsAt === undefined ? undefined : readBreaks(rest, startsAt + shiftMs / 2)
  const isWhole = startsAt !== undefined && endsAt !== undefined && breaks !== undefined
  const save = () => {
    if (!isWhole) return
    const crew: BodyInputOf<'crew.assigned'>['crew'] = crewRoles.flatMap(role => {
      const name = names[role]?.trim()
      return name ? [{ role, name }] : []
    })
    void assignCrew(unit, {
      // The same start is the same shift: saved again it is corrected, not doubled.
      shiftId: current?.shiftId ?? `S${startsAt}`,
      startsAt,
      endsAt,
      crew,
      breaks,
    }).then(refused => {
      if (!refused) useDesk.setState({ strip: undefined })
    })
  }
  const field = (word: string, testId: string, value: string, set: (text: string) => void, className = '') => (
    <label key={testId} className="roster-field">
      <small>{word}</small>
      <input
        className={`chip chip-input ${className}`}
        data-testid={testId}
        value={value}
        maxLength={80}
        onChange={change => set(change.target.value)}
      />
    </label>
  )
  return (
    <div className="strip roster" data-testid="roster-strip">
      <span>{t('dispatch.roster', { unit: unit.name })}</span>
      {field(t('dispatch.shiftFrom'), 'roster-from', from, setFrom, 'mono')}
      {field(t('dispatch.shiftTo'), 'roster-to', to, setTo, 'mono')}
      {field(t('dispatch.breaks'), 'roster-breaks', rest, setRest, 'mono')}
      {crewRoles.map(role =>
        field(t(`dispatch.crewRole.${role}`), `roster-${role}`, names[role] ?? '', text =>
          setNames({ ...names, [role]: text }),
        ),
      )}
      <Action word={t('dispatch.rosterSave')} testId="roster-save" primary disabled={!isWhole} onAct={save} />
      <Action word={t('form.cancel')} testId="roster-cancel" onAct={() => useDesk.setState({ strip: undefined })} />
      <SentNote subject={subjectOf.unit(unit.unitId)} />
    </div>
  )
}

/** How the centres of this seat work; shift leaders set it. */
export function ModeRow() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const own = useDesk(desk => desk.regions)
  const mayset = useRole('shift-leader')
  const held = own.flatMap(code => regions.get(code) ?? []).slice(0, 4)
  return held.map(region => (
    <div key={region.code} className="cover-rows" data-testid={`mode-${region.code}`}>
      <span>{t('dispatch.mode', { name: region.name })}</span>
      {mayset ? (
        OperatingMode.options.map(mode => (
          <Action
            key={mode}
            word={operatingModeNames[mode][language]}
            testId={`mode-set-${mode}`}
            pressed={region.mode === mode}
            onAct={() => void setMode(region.code, mode, undefined)}
          />
        ))
      ) : (
        <b>{region.mode ? operatingModeNames[region.mode][language] : t('dispatch.modeUnset')}</b>
      )}
      <span className="muted">
        {t('dispatch.movesMax', { count: region.movesPerShiftMax ?? movesPerShiftDefault })}
      </span>
      {mayset &&
        region.mode &&
        ([-1, 1] as const).map(step => (
          <Action
            key={step}
            word={step < 0 ? '−' : '+'}
            testId={`moves-${step < 0 ? 'less' : 'more'}`}
            onAct={() => {
              const next = (region.movesPerShiftMax ?? movesPerShiftDefault) + step
              if (next >= 0 && next <= 50) void setMode(region.code, region.mode!, next)
            }}
          />
        ))}
      <SentNote subject={`region:${region.code}`} />
    </div>
  ))
}
