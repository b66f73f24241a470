/**
 * The console as a whole: nobody signed in → the door; first password → its change; else the pages of the roles over one
 * live link. The heavy pages are loaded when first shown.
 */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { ConfigProvider, theme } from 'antd'
import enUS from 'antd/locale/en_US.js'
import zhCN from 'antd/locale/zh_CN.js'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import type { SessionView } from '#contract/view.ts'
import { useAlarms } from '../calls/alarms.ts'
import { useTexts } from '../language/i18n.ts'
import { RefusedError } from '../live/http.ts'
import { openLink } from '../live/socket.ts'
import { useLink } from '../live/store.ts'
import { surfaces } from '../look/palette.ts'
import { listPages } from '../sign-in/pages.ts'
import { findSession, signOut } from '../sign-in/session.ts'
import { PasswordChange, SignIn } from '../sign-in/sign-in.tsx'
import { CommandLine } from './command-line.tsx'
import { keepAddress, useDesk } from './desk.ts'
import { DispatchPage } from './dispatch-page.tsx'
import { Help } from './help.tsx'
import { dispatchKey } from './keys.ts'
import { Empty } from './parts.tsx'
import { LinkBand, TopBar } from './top-bar.tsx'

const AlertsPage = lazy(() => import('../alerts/alerts-page.tsx').then(page => ({ default: page.AlertsPage })))
const SeriesPage = lazy(() => import('../surveillance/series-page.tsx').then(page => ({ default: page.SeriesPage })))
const CasesPage = lazy(() => import('../surveillance/cases-page.tsx').then(page => ({ default: page.CasesPage })))
const SourcesPage = lazy(() => import('../surveillance/sources-page.tsx').then(page => ({ default: page.SourcesPage })))
const RulesPage = lazy(() => import('../surveillance/rules-page.tsx').then(page => ({ default: page.RulesPage })))
const WeeklyPage = lazy(() => import('../surveillance/weekly-page.tsx').then(page => ({ default: page.WeeklyPage })))
const AdminPage = lazy(() => import('../admin/admin-page.tsx').then(page => ({ default: page.AdminPage })))
const AuditPage = lazy(() => import('../admin/audit-page.tsx').then(page => ({ default: page.AuditPage })))
const ShiftPage = lazy(() => import('../shift/shift-page.tsx').then(page => ({ default: page.ShiftPage })))
const ReplayPage = lazy(() => import('../replay/replay-page.tsx').then(page => ({ default: page.ReplayPage })))
const QualityPage = lazy(() => import('../quality/quality-page.tsx').then(page => ({ default: page.QualityPage })))
const ReportPage = lazy(() => import('../reports/report-page.tsx').then(page => ({ default: page.ReportPage })))

/** Milliseconds between tries while the server is away at start. */
const retryMs = 2_000

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      // A refusal is an answer and is not asked again; only silence is.
      retry: (failures, thrown) =>
        failures < 2 && !(thrown instanceof RefusedError && thrown.http >= 400 && thrown.http < 500),
    },
  },
})

const look = surfaces.dark

type Seat = { at: 'starting' | 'unreachable' } | { at: 'door'; ended: boolean } | { at: 'inside'; session: SessionView }

function Seated({ session, onEnded }: { session: SessionView; onEnded: () => void }) {
  const { t } = useTexts()
  const pages = listPages(session.roles)
  const wished = useDesk(desk => desk.page)
  const page = pages.includes(wished) ? wished : pages[0]
  const link = useLink(state => state.state)
  const { ringing, flashing } = useAlarms(session.roles)
  useEffect(() => {
    if (page && page !== wished) useDesk.setState({ page })
  }, [page, wished])
  useEffect(
    () =>
      useDesk.setState({
        roles: session.roles,
        seatName: session.name,
        accountId: session.accountId,
        regions: session.regions,
      }),
    [session],
  )
  useEffect(() => openLink(onEnded), [session.accountId, onEnded])
  // Paper is for the hour without a server: its page and its numbers are here before that hour.
  const hasPaper = pages.includes('shift')
  useEffect(() => {
    if (hasPaper) void import('../shift/shift-page.tsx')
  }, [hasPaper])
  useEffect(() => {
    window.addEventListener('keydown', dispatchKey)
    const stop = keepAddress()
    return () => {
      window.removeEventListener('keydown', dispatchKey)
      stop()
    }
  }, [])
  const leave = () => void signOut().then(onEnded)
  return (
    <div className="console" data-link={link} data-testid="console">
      <TopBar session={session} pages={pages} ringing={ringing} onSignOut={leave} />
      <LinkBand />
      <Suspense fallback={<div className="empty">{t('state.loading')}</div>}>
        {page === 'dispatch' && <DispatchPage flashing={flashing} />}
        {page === 'alerts' && <AlertsPage flashing={flashing} />}
        {page === 'series' && <SeriesPage />}
        {page === 'cases' && <CasesPage />}
        {page === 'sources' && <SourcesPage />}
        {page === 'rules' && <RulesPage />}
        {page === 'weekly' && <WeeklyPage />}
        {page === 'admin' && <AdminPage />}
        {page === 'audit' && <AuditPage />}
        {page === 'shift' && <ShiftPage />}
        {page === 'replay' && <ReplayPage />}
        {page === 'quality' && <QualityPage />}
        {page === 'reports' && <ReportPage />}
        {page === undefined && <Empty text={t('nav.none')} />}
      </Suspense>
      <CommandLine />
      <Help />
    </div>
  )
}

/** The console from the door inwards. */
export function App() {
  const { t, language } = useTexts()
  const [seat, setSeat] = useState<Seat>({ at: 'starting' })
  const lookUp = useCallback(async () => {
    const answer = await findSession()
    if (!answer.ok) return setSeat({ at: 'unreachable' })
    setSeat(answer.value ? { at: 'inside', session: answer.value } : { at: 'door', ended: false })
  }, [])
  const end = useCallback(() => {
    queries.clear()
    setSeat({ at: 'door', ended: true })
  }, [])
  const enter = useCallback((session: SessionView) => {
    // What nobody could read before signing in is asked again.
    queries.clear()
    setSeat({ at: 'inside', session })
  }, [])
  useEffect(() => {
    void lookUp()
  }, [lookUp])
  useEffect(() => {
    if (seat.at !== 'unreachable') return
    const timer = setTimeout(() => void lookUp(), retryMs)
    return () => clearTimeout(timer)
  }, [seat, lookUp])

  return (
    <ConfigProvider
      locale={(language === 'zh' ? zhCN : enUS) as never}
      button={{ autoInsertSpace: false }}
      theme={{
        algorithm: [theme.darkAlgorithm, theme.compactAlgorithm],
        token: {
          colorPrimary: look.accent,
          colorBgBase: look.panel,
          colorBgContainer: look.ground,
          colorBgElevated: look.raised,
          colorTextBase: look.text,
          colorBorder: look.line,
          colorBorderSecondary: look.line,
          borderRadius: 2,
          boxShadow: 'none',
          boxShadowSecondary: 'none',
          fontFamily: 'inherit',
          fontSize: 14,
          motion: false,
          wireframe: true,
        },
        components: {
          Button: { primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none' },
        },
      }}
    >
      <QueryClientProvider client={queries}>
        {seat.at === 'starting' && <div className="empty">{t('state.loading')}</div>}
        {seat.at === 'unreachable' && (
          <div className="empty" role="alert">
            {t('signIn.noServer')}
          </div>
        )}
        {seat.at === 'door' && <SignIn ended={seat.ended} onSession={enter} />}
        {seat.at === 'inside' && seat.session.mustChangePassword && <PasswordChange onChanged={() => void lookUp()} />}
        {seat.at === 'inside' && !seat.session.mustChangePassword && <Seated session={seat.session} onEnded={end} />}
      </QueryClientProvider>
    </ConfigProvider>
  )
}
