/**
 * The door for people: account and password, the server's refusal in words beside the fields, and the forced change of a
 * first password. Says that a demonstration is one.
 */
import { Button, Form, Input, type InputRef } from 'antd'
import { useEffect, useRef, useState } from 'react'
import type { SessionView } from '#contract/view.ts'
import { setLanguage, useTexts } from '../language/i18n.ts'
import type { Refusal } from '../live/http.ts'
import { RefusalNote } from '../shell/parts.tsx'
import { changePassword, signIn, useSettings } from './session.ts'

function Frame({ title, children }: { title: string; children: React.ReactNode }) {
  const { t, language } = useTexts()
  const settings = useSettings()
  return (
    <main className="door">
      <div className="door-box">
        <header className="door-head">
          <div>
            <h1>{t('product')}</h1>
            <p>{t('productLong')}</p>
          </div>
          <button
            type="button"
            className="act"
            data-testid="language-switch"
            onClick={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
          >
            {t('language.switch')}
          </button>
        </header>
        <h2>{title}</h2>
        {children}
        <footer className="door-foot">
          {settings?.demo && <p data-testid="demo-hint">{t('signIn.demo')}</p>}
          {settings && (
            <p className="faint">
              {t('signIn.version')} {settings.version}
            </p>
          )}
        </footer>
      </div>
    </main>
  )
}

/** Sign-in; calls back with the session. `ended` says that a session was there and is over. */
export function SignIn({ ended, onSession }: { ended: boolean; onSession: (session: SessionView) => void }) {
  const { t } = useTexts()
  const [refusal, setRefusal] = useState<Refusal>()
  const [working, setWorking] = useState(false)
  const first = useRef<InputRef>(null)
  useEffect(() => first.current?.focus(), [])
  const submit = async (given: { accountId: string; password: string }) => {
    setWorking(true)
    const answer = await signIn(given.accountId.trim(), given.password)
    setWorking(false)
    if (answer.ok) onSession(answer.value)
    else setRefusal(answer.refusal)
  }
  return (
    <Frame title={t('signIn.title')}>
      {ended && !refusal && <p className="door-note">{t('signIn.ended')}</p>}
      <Form layout="vertical" requiredMark={false} onFinish={submit} data-testid="sign-in" validateTrigger="onSubmit">
        <Form.Item
          name="accountId"
          label={t('signIn.account')}
          rules={[{ required: true, message: t('signIn.plain') }]}
        >
          <Input ref={first} size="large" autoComplete="username" data-testid="account" maxLength={64} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('signIn.password')}
          rules={[{ required: true, message: t('signIn.plain') }]}
        >
          <Input type="password" size="large" autoComplete="current-password" data-testid="password" maxLength={200} />
        </Form.Item>
        {refusal && <RefusalNote refusal={refusal} />}
        <Button type="primary" htmlType="submit" size="large" block loading={working} data-testid="sign-in-submit">
          {working ? t('signIn.working') : t('signIn.submit')}
        </Button>
      </Form>
    </Frame>
  )
}

/** The change a first password demands; calls back when it was made. */
export function PasswordChange({ onChanged }: { onChanged: () => void }) {
  const { t } = useTexts()
  const [refusal, setRefusal] = useState<Refusal>()
  const [working, setWorking] = useState(false)
  const first = useRef<InputRef>(null)
  useEffect(() => first.current?.focus(), [])
  const submit = async (given: { current: string; next: string }) => {
    setWorking(true)
    const answer = await changePassword(given.current, given.next)
    setWorking(false)
    if (answer.ok) onChanged()
    else setRefusal(answer.refusal)
  }
  return (
    <Frame title={t('signIn.changeTitle')}>
      <p className="door-note">{t('signIn.changeWhy')}</p>
      <Form
        layout="vertical"
        requiredMark={false}
        onFinish={submit}
        data-testid="password-change"
        validateTrigger="onSubmit"
      >
        <Form.Item name="current" label={t('signIn.current')} rules={[{ required: true, message: t('signIn.plain') }]}>
          <Input
            ref={first}
            type="password"
            size="large"
            autoComplete="current-password"
            data-testid="password-current"
            maxLength={200}
          />
        </Form.Item>
        <Form.Item
          name="next"
          label={t('signIn.next')}
          dependencies={['current']}
          rules={[
            { required: true, message: t('signIn.plain') },
            ({ getFieldValue }) => ({
              validator: async (_, value) => {
                if (value && value === getFieldValue('current')) throw new Error(t('signIn.same'))
              },
            }),
          ]}
        >
          <Input type="password" size="large" autoComplete="new-password" data-testid="password-next" maxLength={200} />
        </Form.Item>
        <Form.Item
          name="again"
          label={t('signIn.again')}
          dependencies={['next']}
          rules={[
            ({ getFieldValue }) => ({
              validator: async (_, value) => {
                if (value !== getFieldValue('next')) throw new Error(t('signIn.differ'))
              },
            }),
          ]}
        >
          <Input
            type="password"
            size="large"
            autoComplete="new-password"
            data-testid="password-again"
            maxLength={200}
          />
        </Form.Item>
        {refusal && <RefusalNote refusal={refusal} />}
        <Button type="primary" htmlType="submit" size="large" block loading={working} data-testid="password-submit">
          {t('signIn.change')}
        </Button>
      </Form>
    </Frame>
  )
}
