/**
 * False discovery: of many series judged by one detector on one day, which alarms to believe. Part of `detect/`, pure. It
 * orders single statistical signals and hides the weak ones; it never touches statutory or k-of-n findings (detect/rules.ts).
 */

/**
 * q-values of a family of p-values, in their order: the smallest false discovery rate at which each would be kept. A p-value
 * that is not a number gets q = 1 and counts in no family.
 * @source Benjamini & Hochberg 1995, J R Stat Soc B 57:289-300.
 */
export function computeQValues(pValues: readonly number[]): number[] {
  const order = pValues
    .map((p, i) => ({ p, i }))
    .filter(one => one.p >= 0 && one.p <= 1)
    .sort((a, b) => b.p - a.p)
  const qValues = new Array<number>(pValues.length).fill(1)
  const m = order.length
  let least = 1
  for (const [place, { p, i }] of order.entries()) {
    least = Math.min(least, (p * m) / (m - place))
    qValues[i] = least
  }
  return qValues
}
