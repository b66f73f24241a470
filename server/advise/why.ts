// The words of advice: why a row stands where it stands, and why a nearer unit was left out, in Chinese and English.
// Stands beside recommend.ts, which chooses; nothing here decides. Codes are stable, texts may be polished.
// Promises: pure; every code has both languages; minutes are shown, never a number that is not finite.

export type Words = { zh: string; en: string }

/**
 * How a unit would take the call: `now` starts at once; `next` after its active task; `divert` leaves the call it drives to;
 * `withdraw` gives up a next task that its crew has not acknowledged.
 */
export type RowKind = 'now' | 'next' | 'divert' | 'withdraw'

/** What a row must say for its words. */
export type DescribedRow = {
  kind: RowKind
  etaP50Seconds: number
  missingWants: readonly string[]
  staleFix: boolean
  auto: boolean
  displaces?: { replacementUnitId: string; delaySeconds: number }
}

const exclusionText = {
  OUT_OF_SERVICE: { zh: '停运', en: 'out of service' },
  FATIGUE: { zh: '疲劳限制', en: 'blocked for fatigue' },
  SHIFT_END: { zh: '临近交班', en: 'close to the end of its shift' },
  ON_BREAK: { zh: '正在休息', en: 'on a break' },
  DISTRESS: { zh: '车组求助中', en: 'its crew is in distress' },
  SILENT: { zh: '失联', en: 'silent' },
  NO_POSITION: { zh: '没有有效位置', en: 'has no valid position' },
  MISSING_CAPABILITY: { zh: '能力不足', en: 'lacks a needed capability' },
  BUSY_NO_PREDICTION: { zh: '任务中，无法预测何时空闲', en: 'on a task, with no predicted release' },
  BUSY_TOO_LONG: { zh: '任务中，空闲太晚', en: 'on a task that ends too late' },
  NEXT_TAKEN: { zh: '任务中，已有预派任务', en: 'on a task, and its next task is taken' },
  NEAR_SCENE: { zh: '即将到达另一现场', en: 'about to reach another scene' },
  NO_ROAD: { zh: '道路不可达', en: 'cannot be reached by road' },
  NOT_SEARCHED: { zh: '直线虽近，估计不会更快', en: 'nearer in a straight line, but cannot be faster' },
  DISPLACEMENT_NOT_WORTH: { zh: '改派对另一患者代价过大', en: 'diverting it would cost the other patient too much' },
  SLOWER: { zh: '直线虽近，到达更晚', en: 'nearer in a straight line, but arrives later' },
  SPARED: { zh: '留给更需要其能力的患者', en: 'spared for a patient who needs its capability' },
  KEEPS_COVER: { zh: '留守以保持覆盖', en: 'kept where it covers the area' },
  DISPLACES: { zh: '需要改派其他任务', en: 'would have to leave another call' },
  STALE_FIX: { zh: '位置已过时', en: 'its position is stale' },
  MISSING_WANT: { zh: '缺少希望的能力', en: 'lacks a wanted capability' },
  SCORE: { zh: '综合评分较低', en: 'scores worse over all terms' },
} as const satisfies Record<string, Words>

/** Names of capabilities that the register uses; another is shown as it is registered. */
const capabilityText: Readonly<Record<string, string>> = {
  transport: '转运',
  monitor: '监护仪',
  defibrillator: '除颤仪',
  ventilator: '呼吸机',
  als: '高级生命支持',
  isolation: '负压隔离',
  special: '特种',
}

function nameCapabilities(capabilities: readonly string[]): string {
  return capabilities.map(name => (Object.hasOwn(capabilityText, name) ? capabilityText[name]! : name)).join('、')
}

/** Why a unit that looks better does not stand first. */
export type ExclusionCode = keyof typeof exclusionText

function formatMinutes(seconds: number): string {
  return (Math.max(0, seconds) / 60).toFixed(1)
}

/** Describes why a nearer unit was left out; names the lacking capabilities and the arrival where known. */
export function describeExclusion(code: ExclusionCode, lacking: readonly string[], etaSeconds?: number): Words {
  const text = exclusionText[code]
  const named = code === 'MISSING_CAPABILITY' ? lacking : []
  const eta = etaSeconds === undefined || !Number.isFinite(etaSeconds) ? '' : formatMinutes(etaSeconds)
  return {
    zh: `${text.zh}${named.length > 0 ? `：${nameCapabilities(named)}` : ''}${eta ? `（预计 ${eta} 分钟）` : ''}`,
    en: `${text.en}${named.length > 0 ? `: ${named.join(', ')}` : ''}${eta ? ` (about ${eta} min)` : ''}`,
  }
}

const kindText: Record<RowKind, Words> = {
  now: { zh: '可立即出发', en: 'can start now' },
  next: { zh: '结束当前任务后前往（预派）', en: 'goes after its present task' },
  divert: { zh: '从较低级别任务改派', en: 'diverted from a less urgent call' },
  withdraw: { zh: '撤回其未确认的预派后前往', en: 'gives up a next task not yet acknowledged' },
}

/** Describes a row: how it comes, when, and, for the first, what was traded if it is not the fastest by `behindSeconds`. */
export function describeRow(row: DescribedRow, isFirst: boolean, behindSeconds: number): Words {
  const zh = [kindText[row.kind].zh, `约 ${formatMinutes(row.etaP50Seconds)} 分钟到达`]
  const en = [kindText[row.kind].en, `about ${formatMinutes(row.etaP50Seconds)} min to arrive`]
  if (behindSeconds <= 0) {
    zh.push('到达最快')
    en.push('the fastest')
  } else if (isFirst) {
    zh.push(`比最快的晚 ${formatMinutes(behindSeconds)} 分钟，在本级别允许范围内`)
    en.push(`${formatMinutes(behindSeconds)} min behind the fastest, within the band of the level`)
  }
  if (row.displaces) {
    zh.push(`原任务由 ${row.displaces.replacementUnitId} 接替，推迟 ${formatMinutes(row.displaces.delaySeconds)} 分钟`)
    en.push(
      `${row.displaces.replacementUnitId} takes over its call, ${formatMinutes(row.displaces.delaySeconds)} min later`,
    )
  }
  if (row.missingWants.length > 0) {
    zh.push(`缺少：${nameCapabilities(row.missingWants)}`)
    en.push(`lacks ${row.missingWants.join(', ')}`)
  }
  if (!row.auto) {
    zh.push('需人工确认')
    en.push('wants a confirmation')
  }
  if (row.staleFix) {
    zh.push('位置已过时')
    en.push('position is stale')
  }
  return { zh: zh.join('；'), en: en.join('; ') }
}
