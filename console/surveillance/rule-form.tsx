/**
 * The form of one rule, by conditions: what is watched, how conditions join, who is told and when. A condition that is law or
 * about the house itself is shown in words and left alone. Whatever does not hold is said under the form, in words.
 */
import { type LeafCondition, listLeaves, type Rule } from '#contract/rule.ts'
import { SourceKind, Syndrome } from '#contract/scalars.ts'
import { describeLeaf } from '../admin/rule-words.ts'
import { useTexts } from '../language/i18n.ts'
import { Action } from '../shell/parts.tsx'
import {
  createLeaf,
  detectorMethods,
  type EditableLeaf,
  editableLeaves,
  findJoint,
  type Joint,
  joinLeaves,
  joints,
  leafNumbers,
} from './rule-draft.ts'

type Step = Rule['escalation'][number]

const regionLevels = ['city', 'county', 'street'] as const
const toldRoles = ['epidemiologist', 'shift-leader', 'administrator'] as const
/** Steps and conditions one form edits at most. */
const stepsMax = 8
const leavesMax = 12

function isEditable(leaf: LeafCondition): leaf is Extract<LeafCondition, { type: EditableLeaf }> {
  return (editableLeaves as readonly string[]).includes(leaf.type)
}

/** The form; `onChange` is told the whole rule at every key. */
export function RuleForm({ rule, onChange }: { rule: Rule; onChange: (rule: Rule) => void }) {
  const { t } = useTexts()
  const leaves = listLeaves(rule)
  const joint = findJoint(rule.when)
  const k = rule.when.type === 'kOf' ? rule.when.k : 2
  const setLeaves = (next: readonly LeafCondition[], how: Joint = joint) =>
    onChange({ ...rule, when: joinLeaves(next.length > 1 && how === 'single' ? 'anyOf' : how, next, k) })
  const setLeaf = (at: number, leaf: LeafCondition) =>
    setLeaves(leaves.map((each, index) => (index === at ? leaf : each)))
  const setStep = (at: number, step: Step) =>
    onChange({ ...rule, escalation: rule.escalation.map((each, index) => (index === at ? step : each)) })
  return (
    <div className="rule-form" data-testid="rule-form">
      <Row word={t('review.field.name')}>
        <input
          className="field"
          data-testid="rule-name"
          maxLength={120}
          value={rule.name}
          onChange={change => onChange({ ...rule, name: change.target.value })}
        />
        <input
          className="field"
          data-testid="rule-name-en"
          lang="en"
          aria-label={t('review.field.nameEn')}
          maxLength={120}
          value={rule.nameEn}
          onChange={change => onChange({ ...rule, nameEn: change.target.value })}
        />
      </Row>
      <Row word={t('review.field.level')}>
        <Select
          testId="rule-level"
          value={String(rule.level)}
          options={[1, 2, 3, 4].map(level => [
            String(level),
            `${['I', 'II', 'III', 'IV'][level - 1]} ${t(`alertLevel.${level}`)}`,
          ])}
          onPick={value => onChange({ ...rule, level: Number(value) })}
        />
        <Select
          testId="rule-syndrome"
          value={rule.syndrome ?? ''}
          options={[
            ['', t('review.noSyndrome')],
            ...Syndrome.options.map(each => [each, t(`syndrome.${each}`)] as const),
          ]}
          onPick={value => {
            const { syndrome: _before, ...rest } = rule
            onChange(value === '' ? rest : { ...rest, syndrome: value as Rule['syndrome'] })
          }}
        />
        <label className="rule-on">
          <input
            type="checkbox"
            data-testid="rule-enabled"
            checked={rule.enabled}
            onChange={change => onChange({ ...rule, enabled: change.target.checked })}
          />
          {t('admin.ruleOn')}
        </label>
      </Row>
      <Row word={t('review.field.regionLevel')}>
        <Select
          testId="rule-region-level"
          value={rule.regionLevel}
          options={regionLevels.map(each => [each, t(`regionLevel.${each}`)])}
          onPick={value => onChange({ ...rule, regionLevel: value as Rule['regionLevel'] })}
        />
        <Figure
          word={t('review.field.windowH')}
          testId="rule-window"
          value={rule.windowH}
          min={1}
          max={1_440}
          onFigure={value => onChange({ ...rule, windowH: value ?? 0 })}
        />
        <Figure
          word={t('review.field.minCases')}
          testId="rule-min-cases"
          value={rule.minCases}
          min={0}
          max={1_000_000}
          onFigure={value => onChange({ ...rule, minCases: value ?? 0 })}
        />
      </Row>
      <Row word={t('review.field.when')}>
        <Select
          testId="rule-joint"
          value={joint}
          options={joints.map(each => [each, t(`review.joint.${each}`)])}
          onPick={value => setLeaves(value === 'single' ? leaves.slice(0, 1) : leaves, value as Joint)}
        />
        {joint === 'kOf' && (
          <Figure
            word={t('review.field.k')}
            testId="rule-k"
            value={k}
            min={1}
            max={10}
            onFigure={value => onChange({ ...rule, when: joinLeaves('kOf', leaves, value ?? 0) })}
          />
        )}
      </Row>
      {leaves.map((leaf, at) => (
        <fieldset key={at} className="leaf" data-testid={`leaf-${at + 1}`}>
          <legend>{t('review.leafNo', { no: at + 1 })}</legend>
          {isEditable(leaf) ? (
            <LeafFields leaf={leaf} at={at} syndrome={rule.syndrome} onChange={next => setLeaf(at, next)} />
          ) : (
            <p className="muted">{t('review.leafKept', { words: describeLeaf(leaf, t) })}</p>
          )}
          {leaves.length > 1 && (
            <Action
              word={t('review.leafRemove')}
              testId={`leaf-remove-${at + 1}`}
              onAct={() => setLeaves(leaves.filter((_, index) => index !== at))}
            />
          )}
        </fieldset>
      ))}
      {leaves.length < leavesMax && (
        <div className="rule-add">
          <Action
            word={t('review.leafAdd')}
            testId="leaf-add"
            onAct={() => setLeaves([...leaves, createLeaf('detector', rule.syndrome)])}
          />
        </div>
      )}
      <Row word={t('review.field.escalation')}>
        <ol className="rule-steps">
          {rule.escalation.map((step, at) => (
            <li key={at}>
              <Figure
                word={t('review.stepAfter')}
                testId={`step-after-${at + 1}`}
                value={Math.round(step.afterS / 60)}
                min={0}
                max={10_080}
                onFigure={value => setStep(at, { ...step, afterS: (value ?? 0) * 60 })}
              />
              <Select
                testId={`step-role-${at + 1}`}
                value={step.role}
                options={[...new Set([...toldRoles, step.role])].map(role => [role, t(`role.${role}`)])}
                onPick={role => setStep(at, { ...step, role: role as Step['role'] })}
              />
              {rule.escalation.length > 1 && (
                <Action
                  word={t('review.leafRemove')}
                  testId={`step-remove-${at + 1}`}
                  onAct={() => onChange({ ...rule, escalation: rule.escalation.filter((_, index) => index !== at) })}
                />
              )}
            </li>
          ))}
        </ol>
        {rule.escalation.length < stepsMax && (
          <Action
            word={t('review.stepAdd')}
            testId="step-add"
            onAct={() =>
              onChange({
                ...rule,
                escalation: [
                  ...rule.escalation,
                  { afterS: (rule.escalation.at(-1)?.afterS ?? 0) + 1_800, role: 'shift-leader' },
                ],
              })
            }
          />
        )}
      </Row>
      <Row word={t('review.field.basis')}>
        <textarea
          className="field"
          rows={2}
          data-testid="rule-basis"
          maxLength={400}
          value={rule.basis}
          onChange={change => onChange({ ...rule, basis: change.target.value })}
        />
      </Row>
    </div>
  )
}

function Row({ word, children }: { word: string; children: React.ReactNode }) {
  return (
    <div className="form-row">
      <span className="form-label">{word}</span>
      <div className="rule-cells">{children}</div>
    </div>
  )
}

function Select(props: {
  testId: string
  value: string
  options: readonly (readonly [string, string])[]
  onPick: (value: string) => void
  label?: string
}) {
  return (
    <select
      className="field rule-select"
      data-testid={props.testId}
      aria-label={props.label}
      value={props.value}
      onChange={change => props.onPick(change.target.value)}
    >
      {props.options.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  )
}

/** A number with its word; an emptied field is undefined, never a silent zero. */
function Figure(props: {
  word: string
  testId: string
  value: number | undefined
  min: number
  max: number
  step?: number
  onFigure: (value: number | undefined) => void
}) {
  const isOut = props.value === undefined || props.value < props.min || props.value > props.max
  return (
    <label className="figure">
      <span>{props.word}</span>
      <input
        className="field"
        type="number"
        data-testid={props.testId}
        min={props.min}
        max={props.max}
        step={props.step ?? 1}
        aria-invalid={isOut}
        value={props.value === undefined || Number.isNaN(props.value) ? '' : props.value}
        onChange={change => {
          const text = change.target.value
          const value = Number(text)
          props.onFigure(text === '' || !Number.isFinite(value) ? undefined : value)
        }}
      />
    </label>
  )
}

function LeafFields(props: {
  leaf: Extract<LeafCondition, { type: EditableLeaf }>
  at: number
  syndrome: Rule['syndrome']
  onChange: (leaf: LeafCondition) => void
}) {
  const { t } = useTexts()
  const { leaf, at } = props
  const set = (fields: Record<string, unknown>) => {
    const next = { ...leaf, ...fields } as Record<string, unknown>
    for (const [name, value] of Object.entries(fields)) if (value === undefined) delete next[name]
    props.onChange(next as LeafCondition)
  }
  const no = at + 1
  return (
    <div className="rule-cells">
      <Select
        testId={`leaf-type-${no}`}
        label={t('review.field.type')}
        value={leaf.type}
        options={editableLeaves.map(type => [type, t(`review.leaf.${type}`)])}
        onPick={type => props.onChange(createLeaf(type as EditableLeaf, props.syndrome))}
      />
      {'sourceKind' in leaf && (
        <Select
          testId={`leaf-source-${no}`}
          label={t('alerts.column.source')}
          value={leaf.sourceKind}
          options={SourceKind.options.map(kind => [kind, t(`source.${kind}`)])}
          onPick={sourceKind => set({ sourceKind })}
        />
      )}
      {'syndrome' in leaf && (
        <Select
          testId={`leaf-syndrome-${no}`}
          label={t('series.syndrome')}
          value={leaf.syndrome}
          options={Syndrome.options.map(each => [each, t(`syndrome.${each}`)])}
          onPick={syndrome => set({ syndrome })}
        />
      )}
      {leaf.type === 'detector' && (
        <Select
          testId={`leaf-method-${no}`}
          label={t('alerts.column.method')}
          value={leaf.method}
          options={detectorMethods.map(method => [method, t(`method.${method}`)])}
          onPick={method => set({ method })}
        />
      )}
      {leaf.type === 'combined-p' && (
        <Select
          testId={`leaf-method-${no}`}
          label={t('alerts.column.method')}
          value={leaf.method}
          options={[
            ['fisher', 'Fisher'],
            ['stouffer', 'Stouffer'],
          ]}
          onPick={method => set({ method })}
        />
      )}
      {'period' in leaf && (
        <Select
          testId={`leaf-period-${no}`}
          label={t('series.period')}
          value={leaf.period}
          options={[
            ['day', t('series.day')],
            ['hour', t('series.hour')],
          ]}
          onPick={period => set({ period })}
        />
      )}
      {'adjust' in leaf && (
        <Select
          testId={`leaf-adjust-${no}`}
          label={t('review.field.adjust')}
          value={leaf.adjust}
          options={[
            ['none', t('review.adjust.none')],
            ['calendar', t('review.adjust.calendar')],
          ]}
          onPick={adjust => set({ adjust })}
        />
      )}
      {'sourceKinds' in leaf && (
        <div className="rule-kinds">
          {SourceKind.options.map(kind => (
            <label key={kind}>
              <input
                type="checkbox"
                checked={leaf.sourceKinds.includes(kind)}
                onChange={change =>
                  set({
                    sourceKinds: SourceKind.options.filter(each =>
                      each === kind ? change.target.checked : leaf.sourceKinds.includes(each),
                    ),
                  })
                }
              />
              {t(`source.${kind}`)}
            </label>
          ))}
        </div>
      )}
      {leafNumbers[leaf.type].map(({ name, optional, ...bounds }) => (
        <Figure
          key={name}
          word={t(`review.field.${name}`)}
          testId={`leaf-${name}-${no}`}
          value={(leaf as unknown as Record<string, number | undefined>)[name]}
          {...bounds}
          onFigure={value => set({ [name]: value === undefined && !optional ? Number.NaN : value })}
        />
      ))}
      {leaf.type === 'detector' && (
        <label className="rule-on">
          <input
            type="checkbox"
            checked={leaf.proportion}
            onChange={change => set({ proportion: change.target.checked })}
          />
          {t('review.field.proportion')}
        </label>
      )}
    </div>
  )
}
