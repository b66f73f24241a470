/** A secret shown once: a first password or a device token. It leaves the screen when it has been written down. */
import { useTexts } from '../language/i18n.ts'
import { Action } from '../shell/parts.tsx'

/** Shows the secret until it is said to be written down; nothing when there is none. */
export function Secret({
  secret,
  onSeen,
}: {
  secret: { title: string; text: string } | undefined
  onSeen: () => void
}) {
  const { t } = useTexts()
  if (!secret) return null
  return (
    <div className="strip strip-form" role="alert" data-testid="secret">
      <span>{secret.title}</span>
      <code className="secret">{secret.text}</code>
      <Action word={t('admin.copied')} testId="secret-seen" onAct={onSeen} />
    </div>
  )
}
