/** One choice out of a list with its word above: the filters of every surveillance page look and work alike. */

/** A labelled select; `options` are [value, word]. */
export function Pick(props: {
  label: string
  testId: string
  value: string
  options: readonly (readonly [string, string])[]
  onPick: (value: string) => void
  disabled?: boolean
}) {
  return (
    <label className="pick">
      <span>{props.label}</span>
      <select
        className="field"
        data-testid={props.testId}
        value={props.value}
        disabled={props.disabled}
        onChange={change => props.onPick(change.target.value)}
      >
        {props.options.map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  )
}
