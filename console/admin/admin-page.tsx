/** The administrator's page: accounts, devices, rules, health. */
import { useState } from 'react'
import { useTexts } from '../language/i18n.ts'
import { Action, Panel } from '../shell/parts.tsx'
import { Accounts } from './accounts.tsx'
import { Devices } from './devices.tsx'
import { Health } from './health.tsx'
import { Rules } from './rules.tsx'

const parts = ['accounts', 'devices', 'rules', 'health'] as const

/** The page with its four parts; the first is shown first. */
export function AdminPage() {
  const { t } = useTexts()
  const [part, setPart] = useState<(typeof parts)[number]>('accounts')
  return (
    <main className="desk desk-single" data-testid="page-admin">
      <Panel
        title={t('nav.admin')}
        testId="admin-panel"
        tools={parts.map(each => (
          <Action
            key={each}
            word={t(`admin.${each}`)}
            testId={`admin-${each}`}
            pressed={part === each}
            onAct={() => setPart(each)}
          />
        ))}
      >
        <div className="admin-body">
          {part === 'accounts' && <Accounts />}
          {part === 'devices' && <Devices />}
          {part === 'rules' && <Rules />}
          {part === 'health' && <Health />}
        </div>
      </Panel>
    </main>
  )
}
