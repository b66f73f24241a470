/**
 * Paper slips: numbers for this seat while the server is there, slips to print also when it is not, and their entry afterwards with
 * the times on the paper. The numbers of a seat are kept in this browser, so that printing needs nobody.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { formatSlipNo, type SlipRangeView } from '#contract/duty.ts'
import type { BodyInputOf } from '#contract/entry.ts'
import { Syndrome } from '#contract/scalars.ts'
import type { ChainStamp } from '#contract/stamps.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { createUuid, say } from '../live/commands.ts'
import { read } from '../live/http.ts'
import { useLink, useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatCityDay, shortenId } from '../shell/format.ts'
import { Action, Empty, Panel, ReadState, SentNote } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { useSeatRegions } from './handover.tsx'
import { usePaper } from './paper.tsx'
import { caseSteps, listSlipNos, parseSlipNo, readSlipTimes, unitSteps } from './slip-times.ts'

const storageKey = 'vigil.slips'
/** Units one slip can name. */
const columnsMax = 4
const issueSubject = 'slip-range'
const enterSubject = 'slip'
const outcomes = [
  'transported',
  'treated-on-scene',
  'refused',
  'no-patient',
  'deceased',
  'cancelled',
  'false-call',
] as const

function keepRanges(ranges: readonly SlipRangeView[]): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(ranges.map(range => ({ ...range, used: [] })).slice(0, 20)))
  } catch {
    // Without storage the numbers live as long as the page.
  }
}

function readKept(): SlipRangeView[] {
  try {
    return JSON.parse(localStorage.getItem(storageKey) ?? '[]') as SlipRangeView[]
  } catch {
    return []
  }
}

/** Ranges of the seat's regions; what was read last when the server is away. */
export function useSlipRanges() {
  const asked = useQuery({
    queryKey: ['slips'],
    queryFn: async () => {
      const { ranges } = await read<{ ranges: SlipRangeView[] }>('/v1/slips')
      keepRanges(ranges)
      return ranges
    },
    refetchInterval: 30_000,
  })
  return { ...asked, ranges: asked.data ?? readKept() }
}

function SlipSheet({ slip, seat, region }: { slip: string; seat: string; region: string }) {
  const { t, language } = useTexts()
  return (
    <section className="slip">
      <header>
        <b>{slip}</b>
        <span>{t('slips.sheetTitle')}</span>
        <span>
          {region} · {seat}
        </span>
      </header>
      <p>
        {t('slips.line.day')} ____ - __ - __ &emsp; {t('slips.line.number')} ________________ &emsp;{' '}
        {t('slips.line.level')} □I □II □III □IV
      </p>
      <p>{t('slips.line.address')} ____________________________________________________________</p>
      <p>{t('slips.line.complaint')} __________________________________________________________</p>
      <table>
        <tbody>
          <tr>
            {caseSteps.map(step => (
              <td key={step.stamp}>
                t{step.t} {step[language]} ____:____:____
              </td>
            ))}
          </tr>
        </tbody>
      </table>
      <table>
        <thead>
          <tr>
            <th>{t('slips.line.unit')}</th>
            {unitSteps.map(step => (
              <th key={step.stamp}>
                t{step.t} {step[language]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[1, 2, 3].map(row => (
            <tr key={row}>
              <td>&nbsp;</td>
              {unitSteps.map(step => (
                <td key={step.stamp}> : </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        {t('slips.line.outcome')} {outcomes.map(outcome => `□${t(`incident.outcome.${outcome}`)} `)}
      </p>
      <p>
        {t('slips.line.note')} ______________________________________ &emsp; {t('slips.line.by')} ____________
      </p>
    </section>
  )
}

type Columns = { unitId: string; times: Partial<Record<ChainStamp, string>> }[]

/** Entry of one slip. */
function SlipForm() {
  const { t, language } = useTexts()
  const client = useQueryClient()
  const now = useSecond()
  const units = useWorld(world => world.units)
  const regions = useWorld(world => world.regions)
  const choices = useSeatRegions().filter(code => regions.get(code)?.level === 'county')
  const nameOf = useRegionNames(language)
  const [slip, setSlip] = useState('')
  const [day, setDay] = useState<string>()
  const [level, setLevel] = useState(3)
  const [region, setRegion] = useState<string>()
  const [place, setPlace] = useState('')
  const [syndrome, setSyndrome] = useState('unknown')
  const [address, setAddress] = useState('')
  const [complaint, setComplaint] = useState('')
  const [note, setNote] = useState('')
  const [outcome, setOutcome] = useState('')
  const [caseTimes, setCaseTimes] = useState<Partial<Record<ChainStamp, string>>>({})
  const [columns, setColumns] = useState<Columns>([{ unitId: '', times: {} }])
  const regionCode = region ?? choices[0]
  const onDay = day ?? (now === 0 ? '' : formatCityDay(now))
  const used = columns.filter(column => column.unitId !== '')
  const times = readSlipTimes(onDay, [{ times: caseTimes }, ...used])
  const slipNo = parseSlipNo(slip)
  const point = /^\s*(-?\d+(?:\.\d+)?)[,\uff0c\s]+(-?\d+(?:\.\d+)?)\s*$/.exec(place)
  const seat = regionCode === undefined ? undefined : regions.get(regionCode)
  const isBad = (step: ChainStamp, unitId?: string) =>
    times?.faults.some(fault => fault.step === step && fault.unitId === unitId) ?? false
  const ready =
    slipNo !== undefined &&
    times !== undefined &&
    times.faults.length === 0 &&
    times.stamps.length > 0 &&
    seat !== undefined
  const send = async () => {
    if (!ready || !seat) return
    const incidentId = `P-${formatSlipNo(slipNo)}-${createUuid().slice(0, 8)}`
    const text = (name: string, value: string) => (value.trim() === '' ? {} : { [name]: value.trim() })
    const body: BodyInputOf<'slip.entered'> = {
      slipNo,
      incidentId,
      callId: `C-${incidentId}`,
      level,
      regionCode: seat.code,
      lon: point ? Number(point[1]) : seat.lon,
      lat: point ? Number(point[2]) : seat.lat,
      stamps: times.stamps,
      ...(outcome === '' ? {} : { outcome: outcome as (typeof outcomes)[number] }),
      ...text('addressText', address),
      ...text('complaintText', complaint),
      ...text('note', note),
      ...(complaint.trim() === '' && syndrome === 'unknown'
        ? {}
        : { complaint: { code: `desk.${syndrome}`, syndrome: syndrome as never, dictionary: 'desk' } }),
    }
    const refusal = await say(enterSubject, 'slip.entered', body)
    if (refusal) return
    setSlip('')
    setCaseTimes({})
    setColumns([{ unitId: '', times: {} }])
    for (const clear of [setPlace, setAddress, setComplaint, setNote, setOutcome]) clear('')
    await client.invalidateQueries({ queryKey: ['slips'] })
  }
  const field = (label: string, testId: string, value: string, set: (value: string) => void, more: object = {}) => (
    <label className="pick">
      <span>{label}</span>
      <input
        className="field"
        data-testid={testId}
        value={value}
        onChange={change => set(change.target.value)}
        {...more}
      />
    </label>
  )
  return (
    <section data-testid="slip-form">
      <h4>{t('slips.enterTitle')}</h4>
      <div className="form-line">
        {field(t('slips.number'), 'slip-no', slip, setSlip, {
          'aria-invalid': slip !== '' && slipNo === undefined,
          placeholder: 'P000012',
        })}
        {field(t('slips.line.day'), 'slip-day', onDay, setDay, { 'aria-invalid': times === undefined, maxLength: 10 })}
        <label className="pick">
          <span>{t('slips.line.level')}</span>
          <select
            className="field"
            data-testid="slip-level"
            value={level}
            onChange={change => setLevel(Number(change.target.value))}
          >
            {['I', 'II', 'III', 'IV'].map((numeral, at) => (
              <option key={numeral} value={at + 1}>
                {numeral}
              </option>
            ))}
          </select>
        </label>
        <label className="pick">
          <span>{t('report.region')}</span>
          <select
            className="field"
            data-testid="slip-region"
            value={regionCode ?? ''}
            onChange={change => setRegion(change.target.value)}
          >
            {choices.map(code => (
              <option key={code} value={code}>
                {nameOf(code)}
              </option>
            ))}
          </select>
        </label>
        <label className="pick">
          <span>{t('slips.line.outcome')}</span>
          <select
            className="field"
            data-testid="slip-outcome"
            value={outcome}
            onChange={change => setOutcome(change.target.value)}
          >
            <option value="">{t('slips.stillOpen')}</option>
            {outcomes.map(each => (
              <option key={each} value={each}>
                {t(`incident.outcome.${each}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="form-line">
        {field(t('slips.line.address'), 'slip-address', address, setAddress, { maxLength: 2_000 })}
        {field(t('slips.place'), 'slip-place', place, setPlace, { placeholder: t('slips.placeHint') })}
        {field(t('slips.line.complaint'), 'slip-complaint', complaint, setComplaint, { maxLength: 2_000 })}
        <label className="pick">
          <span>{t('series.syndrome')}</span>
          <select className="field" value={syndrome} onChange={change => setSyndrome(change.target.value)}>
            {Syndrome.options.map(each => (
              <option key={each} value={each}>
                {t(`syndrome.${each}`)}
              </option>
            ))}
          </select>
        </label>
        {field(t('slips.line.note'), 'slip-note', note, setNote, { maxLength: 2_000 })}
      </div>
      <div className="slip-times">
        <table className="figures">
          <tbody>
            {caseSteps.map(step => (
              <tr key={step.stamp}>
                <td>
                  t{step.t} {step[language]}
                </td>
                <td>
                  <input
                    className="field slip-time"
                    data-testid={`slip-${step.stamp}`}
                    aria-label={step[language]}
                    aria-invalid={isBad(step.stamp)}
                    placeholder="HH:MM:SS"
                    value={caseTimes[step.stamp] ?? ''}
                    onChange={change => setCaseTimes({ ...caseTimes, [step.stamp]: change.target.value })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <table className="figures">
          <thead>
            <tr>
              <th>{t('slips.line.unit')}</th>
              {columns.map((column, at) => (
                <th key={at}>
                  <select
                    className="field"
                    data-testid={`slip-unit-${at}`}
                    value={column.unitId}
                    aria-label={t('slips.line.unit')}
                    onChange={change =>
                      setColumns(columns.map((each, i) => (i === at ? { ...each, unitId: change.target.value } : each)))
                    }
                  >
                    <option value="">—</option>
                    {[...units.values()].map(unit => (
                      <option key={unit.unitId} value={unit.unitId}>
                        {unit.name}
                      </option>
                    ))}
                  </select>
                </th>
              ))}
              {columns.length < columnsMax && (
                <th>
                  <Action
                    word={t('slips.addUnit')}
                    testId="slip-add-unit"
                    onAct={() => setColumns([...columns, { unitId: '', times: {} }])}
                  />
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {unitSteps.map(step => (
              <tr key={step.stamp}>
                <td>
                  t{step.t} {step[language]}
                </td>
                {columns.map((column, at) => (
                  <td key={at}>
                    <input
                      className="field slip-time"
                      data-testid={`slip-${step.stamp}-${at}`}
                      aria-label={step[language]}
                      aria-invalid={isBad(step.stamp, column.unitId)}
                      disabled={column.unitId === ''}
                      value={column.times[step.stamp] ?? ''}
                      onChange={change =>
                        setColumns(
                          columns.map((each, i) =>
                            i === at ? { ...each, times: { ...each.times, [step.stamp]: change.target.value } } : each,
                          ),
                        )
                      }
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {times?.faults.map(fault => (
        <p key={`${fault.step}|${fault.unitId ?? ''}`} className="warn-text">
          {t(`slips.fault.${fault.fault}`, {
            step: [...caseSteps, ...unitSteps].find(step => step.stamp === fault.step)![language],
          })}
        </p>
      ))}
      <div className="form-line">
        <Action word={t('slips.enter')} testId="slip-enter" primary disabled={!ready} onAct={() => void send()} />
        <SentNote subject={enterSubject} />
      </div>
    </section>
  )
}

/** The panel: ranges, printing, entry. */
export function Slips() {
  const { t, language } = useTexts()
  const client = useQueryClient()
  const seatName = useDesk(desk => desk.seatName)
  const link = useLink(state => state.state)
  const nameOf = useRegionNames(language)
  const choices = useSeatRegions()
  const [count, setCount] = useState('20')
  const [chosen, setChosen] = useState<SlipRangeView>()
  const { ranges, ...asked } = useSlipRanges()
  const { paper, print } = usePaper()
  const wanted = Number(count)
  const issue = async () => {
    const refusal = await say(issueSubject, 'slip.rangeIssued', {
      rangeId: `R-${createUuid()}`,
      regionCode: choices[0]!,
      seat: seatName,
      count: wanted,
    })
    if (!refusal) await client.invalidateQueries({ queryKey: ['slips'] })
  }
  return (
    <Panel title={t('slips.title')} testId="slips-panel" count={link === 'offline' ? t('slips.offline') : undefined}>
      <div className="report-body">
        <p className="faint">{t('slips.how')}</p>
        <div className="form-line">
          <label className="pick">
            <span>{t('slips.count')}</span>
            <input
              className="field slip-time"
              data-testid="slip-count"
              inputMode="numeric"
              value={count}
              aria-invalid={!(Number.isInteger(wanted) && wanted >= 1 && wanted <= 200)}
              onChange={change => setCount(change.target.value)}
            />
          </label>
          <Action
            word={t('slips.issue')}
            testId="slip-issue"
            disabled={!(Number.isInteger(wanted) && wanted >= 1 && wanted <= 200) || choices.length === 0}
            onAct={() => void issue()}
          />
          <SentNote subject={issueSubject} />
        </div>
        <ReadState
          isLoading={asked.isLoading}
          thrown={asked.error}
          hasContent={ranges.length > 0}
          onRetry={() => void asked.refetch()}
        />
        {ranges.length === 0 && !asked.isLoading && <Empty text={t('slips.none')} hint={t('slips.noneHint')} />}
        {ranges.length > 0 && (
          <table className="figures" data-testid="slip-ranges">
            <tbody>
              {ranges.map(range => (
                <tr key={range.rangeId}>
                  <td className="mono">
                    {formatSlipNo(range.from)}–{formatSlipNo(range.to)}
                  </td>
                  <td>{range.seat}</td>
                  <td className="muted">{nameOf(range.regionCode)}</td>
                  <td
                    title={range.used
                      .map(row => `${formatSlipNo(row.slipNo)} → ${shortenId(row.incidentId)}`)
                      .join('\n')}
                  >
                    {t('slips.used', { used: range.used.length, all: range.to - range.from + 1 })}
                  </td>
                  <td>
                    <Action
                      word={t('report.print')}
                      testId={`slip-print-${range.from}`}
                      onAct={() => {
                        setChosen(range)
                        print()
                      }}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <SlipForm />
      </div>
      {chosen &&
        paper(
          listSlipNos(chosen).map(slip => (
            <SlipSheet key={slip} slip={slip} seat={chosen.seat} region={nameOf(chosen.regionCode)} />
          )),
        )}
    </Panel>
  )
}
