/**
 * The 40 px above every page: city clock, seat, waiting calls, idle units by class, health of the link, sound, language.
 * What is not live any more is said here and in the band under it, with its age.
 */
import { useMemo } from 'react'
import type { SessionView } from '#contract/view.ts'
import type { Alarm } from '../calls/alarm-list.ts'
import { playTone } from '../calls/tones.ts'
import { judgeAnswer, listWaiting } from '../calls/waiting.ts'
import { acknowledgeDistress } from '../incidents/actions.ts'
import { setLanguage, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useLink, useWorld } from '../live/store.ts'
import { type Page, silence, useDesk, useRole } from './desk.ts'
import { formatCityDay, formatClock, formatTime } from './format.ts'
import { useKey } from './keys.ts'
import { Action, Key } from './parts.tsx'

/** The bar of a signed-in seat. */
export function TopBar(props: {
  session: SessionView
  pages: readonly Page[]
  ringing: readonly Alarm[]
  onSignOut: () => void
}) {
  const { t, language } = useTexts()
  const page = useDesk(desk => desk.page)
  const muted = useDesk(desk => desk.muted)
  const calls = useWorld(world => world.calls)
  const units = useWorld(world => world.units)
  const city = useWorld(world => world.city)
  const link = useLink(state => state.state)
  const silentS = useLink(state => state.silentS)
  const now = useSecond()
  const alerts = useWorld(world => world.alerts)
  const openAlerts = useMemo(() => [...alerts.values()].filter(alert => alert.state === 'open').length, [alerts])
  const waiting = useMemo(() => listWaiting(calls.values()), [calls])
  const idle = useMemo(() => {
    const byClass = new Map<string, number>()
    for (const unit of units.values()) {
      if (unit.status === 'idle' && !unit.silent) byClass.set(unit.unitClass, (byClass.get(unit.unitClass) ?? 0) + 1)
    }
    return byClass
  }, [units])
  const dispatching = props.pages.includes('dispatch')
  const longestMs = waiting[0] ? now - waiting[0].receivedAt : 0
  const callState = waiting[0] ? judgeAnswer(longestMs) : 'ok'

  useKey('mute', () => useDesk.setState({ muted: !useDesk.getState().muted }))
  useKey('acknowledge', () => {
    if (props.ringing.length === 0) return false
    // A crew in distress is answered to the whole house, not only at this seat.
    for (const { id } of props.ringing) if (id.startsWith('distress:')) void acknowledgeDistress(id.split(':')[1]!)
    silence(props.ringing.map(alarm => alarm.id))
    return true
  })

  return (
    <header className="top" data-testid="top-bar">
      <strong className="top-name">{t('product')}</strong>
      <time className="top-clock live" data-testid="clock" title={formatCityDay(now)}>
        {now === 0 ? '--:--:--' : formatTime(now)}
      </time>
      <nav className="top-nav">
        {props.pages.map(each => (
          <button
            key={each}
            type="button"
            className="tab"
            aria-current={each === page ? 'page' : undefined}
            data-testid={`nav-${each}`}
            onClick={() => useDesk.setState({ page: each })}
          >
            {t(`nav.${each}`)}
            {each === 'alerts' && openAlerts > 0 && <b className="badge">{openAlerts}</b>}
          </button>
        ))}
      </nav>
      {dispatching && (
        <>
          <span className={`top-cell clock-${callState}`} data-testid="top-calls">
            {t('top.callsWaiting')} <b className="live">{waiting.length}</b>
            {waiting.length > 0 && (
              <>
                {' '}
                <small>{t('top.longest')}</small> <b className="live">{formatClock(longestMs)}</b>
              </>
            )}
          </span>
          <span className="top-cell" data-testid="top-idle">
            {t('top.idle')}
            {['A', 'B', 'C', 'D'].map(unitClass => (
              <span key={unitClass} className="top-class">
                <small>{t('top.idleClass', { unitClass })}</small> <b className="live">{idle.get(unitClass) ?? 0}</b>
              </span>
            ))}
          </span>
        </>
      )}
      <span className={`top-cell link link-${link}`} data-testid="link" data-state={link}>
        <i className="link-mark" />
        {t(`top.link.${link}`)}
        {link !== 'live' && link !== 'waiting' && <b> {t('top.age', { s: silentS })}</b>}
      </span>
      {city?.clock === 'entries' && <span className="top-cell warn-text">{t('top.demoClock')}</span>}
      {city?.pager === 'dry' && <span className="top-cell faint top-dry">{t('top.dryPager')}</span>}
      <span className="top-space" />
      {props.ringing[0] && (
        <span className="top-ring" data-testid="ringing" role="status">
          {t(`sound.${props.ringing[0].sound}`)}
          {props.ringing.length > 1 && ` ${props.ringing.length}`}
          <Action
            word={t('top.acknowledge')}
            keyId="acknowledge"
            testId="ring-stop"
            onAct={() => silence(props.ringing.map(alarm => alarm.id))}
          />
        </span>
      )}
      <button
        type="button"
        className="tab"
        aria-pressed={muted}
        data-testid="mute"
        onClick={() => useDesk.setState({ muted: !muted })}
        onDoubleClick={() => playTone('callRing')}
      >
        {muted ? t('top.unmute') : t('top.mute')}
        <Key id="mute" />
      </button>
      <button type="button" className="tab top-test" data-testid="sound-test" onClick={() => playTone('callRing')}>
        {t('top.test')}
      </button>
      <button
        type="button"
        className="tab"
        data-testid="language-switch"
        onClick={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
      >
        {t('language.switch')}
      </button>
      <button
        type="button"
        className="tab"
        data-testid="help-open"
        onClick={() => useDesk.setState({ helpOpen: true })}
      >
        {t('keys.title')}
        <Key id="help" />
      </button>
      <span className="top-seat" data-testid="seat">
        {props.session.name}
        <small>{props.session.roles.map(role => t(`role.${role}`)).join(t('state.listed'))}</small>
      </span>
      <button type="button" className="tab" data-testid="sign-out" onClick={props.onSignOut}>
        {t('nav.signOut')}
      </button>
    </header>
  )
}

/** The band under the bar while what is shown is not live, and notices of the whole house. */
export function LinkBand() {
  const { t } = useTexts()
  const link = useLink(state => state.state)
  const silentS = useLink(state => state.silentS)
  const hasPaper = useRole('dispatcher', 'shift-leader')
  const otherWire = useLink(state => state.otherWireVersion)
  const quarantined = useWorld(world => world.city?.quarantined ?? 0)
  const now = useSecond()
  return (
    <>
      {(link === 'old' || link === 'offline') && (
        <div className={`band band-${link}`} role="alert" data-testid="band">
          {t(`band.${link}`, { s: silentS, time: formatTime(now - silentS * 1_000) })}
          {link === 'offline' && hasPaper && (
            <Action word={t('band.paper')} testId="band-paper" onAct={() => useDesk.setState({ page: 'shift' })} />
          )}
        </div>
      )}
      {link === 'waiting' && (
        <div className="band" role="status" data-testid="band">
          {t('band.waiting')}
        </div>
      )}
      {otherWire !== undefined && (
        <div className="band" role="status">
          {t('top.reload')} <Action word={t('top.reloadNow')} testId="reload" onAct={() => location.reload()} />
        </div>
      )}
      {quarantined > 0 && (
        <div className="band band-old" role="status" data-testid="quarantined">
          {t('top.quarantined', { count: quarantined })}
        </div>
      )}
    </>
  )
}
