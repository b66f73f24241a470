/** Accounts: who may sign in, with which roles, for which regions; a new or reset password is shown once and never again. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input, Modal, Popconfirm, Select, Table } from 'antd'
import { useState } from 'react'
import { personRoles, type Role } from '#contract/scalars.ts'
import { useTexts } from '../language/i18n.ts'
import { ask, type Refusal, read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { ReadState, RefusalNote } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { Secret } from './secret.tsx'

type Account = {
  accountId: string
  name: string
  roles: Role[]
  regions: string[]
  disabled: boolean
  lockedUntil?: number
}
type AccountAnswer = { account: Account; secret?: string }

/** The table of accounts with what may be done to each. */
export function Accounts() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameOf = useRegionNames(language)
  const queries = useQueryClient()
  const [refusal, setRefusal] = useState<Refusal>()
  const [secret, setSecret] = useState<{ title: string; text: string }>()
  const [editing, setEditing] = useState<Account | 'new'>()
  const [form] = Form.useForm()
  const list = useQuery({ queryKey: ['accounts'], queryFn: () => read<{ accounts: Account[] }>('/v1/accounts') })
  const accounts = list.data?.accounts ?? []
  const regionOptions = [...regions.values()].map(region => ({
    value: region.code,
    label: `${nameOf(region.code)} ${region.code}`,
  }))

  const send = async (method: 'POST' | 'PATCH', path: string, body: unknown) => {
    setRefusal(undefined)
    const answer = await ask<AccountAnswer>(method, path, body)
    if (!answer.ok) {
      setRefusal(answer.refusal)
      return false
    }
    const { account, secret: firstPassword } = answer.value
    if (firstPassword)
      setSecret({ title: t('admin.initialPassword', { account: account.accountId }), text: firstPassword })
    void queries.invalidateQueries({ queryKey: ['accounts'] })
    return true
  }
  const patch = (account: Account, body: unknown) =>
    void send('PATCH', `/v1/accounts/${encodeURIComponent(account.accountId)}`, body)
  const save = async (given: Pick<Account, 'accountId' | 'name' | 'roles' | 'regions'>) => {
    const sent =
      editing === 'new'
        ? await send('POST', '/v1/accounts', { ...given, accountId: given.accountId.trim(), name: given.name.trim() })
        : await send('PATCH', `/v1/accounts/${encodeURIComponent((editing as Account).accountId)}`, {
            roles: given.roles,
            regions: given.regions,
          })
    if (sent) setEditing(undefined)
  }
  const edit = (account: Account | 'new') => {
    form.resetFields()
    form.setFieldsValue(account === 'new' ? { roles: [], regions: [] } : account)
    setEditing(account)
  }
  return (
    <div data-testid="accounts">
      <div className="admin-head">
        <span className="muted">{t('state.rows', { count: accounts.length })}</span>
        <Button type="primary" data-testid="account-new" onClick={() => edit('new')}>
          {t('admin.create')}
        </Button>
      </div>
      {refusal && <RefusalNote refusal={refusal} onDismiss={() => setRefusal(undefined)} />}
      <Secret secret={secret} onSeen={() => setSecret(undefined)} />
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={accounts.length > 0}
        onRetry={() => void list.refetch()}
      />
      <Table<Account>
        size="small"
        rowKey="accountId"
        dataSource={accounts}
        pagination={accounts.length > 50 ? { pageSize: 50 } : false}
        locale={{ emptyText: t('admin.empty') }}
        columns={[
          {
            title: t('admin.accountId'),
            dataIndex: 'accountId',
            sorter: (a, b) => (a.accountId < b.accountId ? -1 : 1),
          },
          { title: t('admin.name'), dataIndex: 'name' },
          {
            title: t('admin.roles'),
            render: (_, row) => row.roles.map(role => t(`role.${role}`)).join(t('state.listed')),
          },
          { title: t('admin.regions'), render: (_, row) => row.regions.map(nameOf).join(t('state.listed')) },
          {
            title: t('admin.stateColumn'),
            render: (_, row) => t(row.disabled ? 'admin.disabled' : row.lockedUntil ? 'admin.locked' : 'admin.active'),
          },
          {
            title: t('admin.actions'),
            render: (_, row) => (
              <span className="row-actions">
                <Button size="small" onClick={() => edit(row)}>
                  {t('admin.roles')}
                </Button>
                {row.lockedUntil !== undefined && (
                  <Button size="small" onClick={() => patch(row, { unlock: true })}>
                    {t('admin.unlock')}
                  </Button>
                )}
                <Popconfirm title={t('admin.resetPassword')} onConfirm={() => patch(row, { resetPassword: true })}>
                  <Button size="small">{t('admin.resetPassword')}</Button>
                </Popconfirm>
                {row.disabled ? (
                  <Button size="small" onClick={() => patch(row, { disabled: false })}>
                    {t('admin.enable')}
                  </Button>
                ) : (
                  <Popconfirm title={t('admin.confirmDisable')} onConfirm={() => patch(row, { disabled: true })}>
                    <Button size="small">{t('admin.disable')}</Button>
                  </Popconfirm>
                )}
              </span>
            ),
          },
        ]}
      />
      <Modal
        open={editing !== undefined}
        title={editing === 'new' ? t('admin.create') : t('admin.roles')}
        okText={t('admin.save')}
        cancelText={t('admin.cancel')}
        onOk={() => form.submit()}
        onCancel={() => setEditing(undefined)}
        okButtonProps={{ 'data-testid': 'account-save' } as never}
      >
        <Form form={form} layout="vertical" onFinish={save} requiredMark={false}>
          <Form.Item
            name="accountId"
            label={t('admin.accountId')}
            rules={[{ required: true, pattern: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/ }]}
          >
            <Input disabled={editing !== 'new'} autoComplete="off" maxLength={64} />
          </Form.Item>
          <Form.Item name="name" label={t('admin.name')} rules={[{ required: true }]}>
            <Input disabled={editing !== 'new'} autoComplete="off" maxLength={120} />
          </Form.Item>
          <Form.Item name="roles" label={t('admin.roles')} rules={[{ required: true }]}>
            <Select mode="multiple" options={personRoles.map(role => ({ value: role, label: t(`role.${role}`) }))} />
          </Form.Item>
          <Form.Item name="regions" label={t('admin.regions')}>
            <Select mode="tags" options={regionOptions} />
          </Form.Item>
          {refusal && <RefusalNote refusal={refusal} />}
        </Form>
      </Modal>
    </div>
  )
}
