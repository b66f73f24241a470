/**
 * Personal data of a record, asked for by a person and never before: the button says first that looking is recorded. What
 * was shown is forgotten when the record is left, and nothing of it is cached.
 */
import { useEffect, useState } from 'react'
import type { RecordKind } from '#contract/entry.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { ask, type Refusal } from '../live/http.ts'
import { formatDayTime } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, RefusalNote } from '../shell/parts.tsx'

type PersonNote = { number: number; at: number; by: string; text: string }
type PersonRecord = { recordKind: string; recordId: string; fields: Record<string, string>; notes?: PersonNote[] }

/** Most records one look may open: the incident and the calls behind it. */
export const recordsMax = 6

/** The button with its warning, then the fields; `records` are opened together and each look is logged. */
export function PersonPart({
  records,
  sealedFields,
}: {
  records: readonly { kind: RecordKind; id: string }[]
  sealedFields: readonly string[]
}) {
  const { t } = useTexts()
  const [shown, setShown] = useState<readonly PersonRecord[]>()
  const [refusal, setRefusal] = useState<Refusal>()
  const [working, setWorking] = useState(false)
  const key = records.map(record => `${record.kind}/${record.id}`).join()
  useEffect(() => {
    setShown(undefined)
    setRefusal(undefined)
  }, [key])
  const show = async () => {
    setWorking(true)
    setRefusal(undefined)
    const found: PersonRecord[] = []
    let refused: Refusal | undefined
    for (const record of records.slice(0, recordsMax)) {
      const answer = await ask<PersonRecord>('GET', `/v1/persons/${record.kind}/${encodeURIComponent(record.id)}`)
      if (answer.ok) found.push(answer.value)
      // A record that never had personal data is no failure of the look at the others.
      else if (answer.refusal.code !== 'RECORD_UNKNOWN') refused = answer.refusal
    }
    setWorking(false)
    setRefusal(refused)
    if (!refused || found.length > 0) setShown(found)
  }
  useKey('person', shown ? () => setShown(undefined) : () => void show())
  const notes = shown?.flatMap(record => record.notes ?? []) ?? []
  // Notes stand below with their numbers; the newest is not shown twice.
  const fields =
    shown?.flatMap(record => Object.entries(record.fields).filter(([name]) => name !== 'note' || !record.notes)) ?? []
  return (
    <section className="block no-print" data-testid="person">
      <h3>
        {t('incident.person')}
        <span className="block-tools">
          {!shown && <span className="warn-text">{t('incident.personWarn')}</span>}
          <Action
            word={t(shown ? 'incident.personHide' : 'incident.personShow')}
            keyId="person"
            testId="person-show"
            disabled={working}
            onAct={() => (shown ? setShown(undefined) : void show())}
          />
        </span>
      </h3>
      {refusal && <RefusalNote refusal={refusal} />}
      {!shown && sealedFields.length > 0 && (
        <p className="faint">
          {t('incident.personFields', {
            fields: sealedFields.map(field => translateWord(t, 'incident.field', field)).join(t('state.listed')),
          })}
        </p>
      )}
      {shown && fields.length === 0 && notes.length === 0 && <p className="muted">{t('incident.personNone')}</p>}
      {fields.length > 0 && (
        <dl className="facts" data-testid="person-fields">
          {fields.map(([name, value], at) => (
            <div key={`${name}-${at}`}>
              <dt>{translateWord(t, 'incident.field', name)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {notes.length > 0 && (
        <ol className="note-list" data-testid="note-list">
          {notes.map(note => (
            <li key={note.number} value={note.number}>
              {note.text} <small className="muted">{`${formatDayTime(note.at)} ${note.by}`}</small>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
