/**
 * Place cluster: cases that share one place (school, kindergarten, building site) within some days: the collective-unit rules of
 * law. Part of `detect/`, pure. A window is any run of days, so a case that is reported late joins the week it fell ill in.
 */

export type PlacedCase = {
  readonly caseId: string
  readonly placeId: string
  /** Day index of onset, or of diagnosis where the onset is not told. */
  readonly day: number
  readonly isDeath: boolean
}

export type PlaceCluster = {
  readonly placeId: string
  readonly firstDay: number
  readonly lastDay: number
  /** Cases of the fullest window, newest day last. */
  readonly caseIds: readonly string[]
  readonly deaths: number
}

/**
 * The fullest window of `windowDays` in which one place has at least `min` cases or `minDeaths` deaths and that holds the day
 * `around`; of equally full ones the latest. Undefined when no window does.
 * @source 国家突发公共卫生事件相关信息报告管理工作规范(试行) 2005: "1 周内,同一学校、幼儿园……等集体单位发生……例及以上".
 */
export function findPlaceCluster(
  cases: readonly PlacedCase[],
  around: number,
  options: { windowDays: number; min: number; minDeaths?: number },
): PlaceCluster | undefined {
  const { windowDays, min, minDeaths } = options
  const near = cases
    .filter(one => Math.abs(one.day - around) < windowDays)
    .sort((a, b) => a.day - b.day || (a.caseId < b.caseId ? -1 : 1))
  let best: PlaceCluster | undefined
  for (let firstDay = around - windowDays + 1; firstDay <= around; firstDay++) {
    const inside = near.filter(one => one.day >= firstDay && one.day < firstDay + windowDays)
    const deaths = inside.filter(one => one.isDeath).length
    if (inside.length < min && (minDeaths === undefined || deaths < minDeaths)) continue
    if (best && inside.length < best.caseIds.length) continue
    best = {
      placeId: inside[0]!.placeId,
      firstDay: inside[0]!.day,
      lastDay: inside.at(-1)!.day,
      caseIds: inside.map(one => one.caseId),
      deaths,
    }
  }
  return best
}
