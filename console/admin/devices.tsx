/** Devices: gateways, terminals, feeds and players with their tokens; a token is shown once, revoking takes effect at once. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input, Modal, Popconfirm, Select, Table } from 'antd'
import { useState } from 'react'
import { personRoles, Role } from '#contract/scalars.ts'
import { useTexts } from '../language/i18n.ts'
import { ask, type Refusal, read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { ReadState, RefusalNote } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { Secret } from './secret.tsx'

type Device = { deviceId: string; name: string; role: Role; regions: string[]; unitIds: string[]; revokedAt?: number }

const deviceRoles = Role.options.filter(role => !personRoles.includes(role))

/** The table of devices with enrolling and revoking. */
export function Devices() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameOf = useRegionNames(language)
  const queries = useQueryClient()
  const [refusal, setRefusal] = useState<Refusal>()
  const [secret, setSecret] = useState<{ title: string; text: string }>()
  const [adding, setAdding] = useState(false)
  const [form] = Form.useForm()
  const list = useQuery({ queryKey: ['devices'], queryFn: () => read<{ devices: Device[] }>('/v1/devices') })
  const devices = list.data?.devices ?? []
  const refresh = () => void queries.invalidateQueries({ queryKey: ['devices'] })
  const add = async (given: { deviceId: string; name: string; role: Role; regions: string[]; unitIds?: string[] }) => {
    setRefusal(undefined)
    const body = { ...given, deviceId: given.deviceId.trim(), name: given.name.trim(), unitIds: given.unitIds ?? [] }
    const answer = await ask<{ device: Device; token: string }>('POST', '/v1/devices', body)
    if (!answer.ok) return setRefusal(answer.refusal)
    setAdding(false)
    setSecret({ title: t('admin.token', { device: answer.value.device.deviceId }), text: answer.value.token })
    refresh()
  }
  const revoke = async (device: Device) => {
    const answer = await ask('DELETE', `/v1/devices/${encodeURIComponent(device.deviceId)}`)
    if (answer.ok) refresh()
    else setRefusal(answer.refusal)
  }
  return (
    <div data-testid="devices">
      <div className="admin-head">
        <span className="muted">{t('state.rows', { count: devices.length })}</span>
        <Button
          type="primary"
          data-testid="device-new"
          onClick={() => {
            form.resetFields()
            setAdding(true)
          }}
        >
          {t('admin.createDevice')}
        </Button>
      </div>
      {refusal && <RefusalNote refusal={refusal} onDismiss={() => setRefusal(undefined)} />}
      <Secret secret={secret} onSeen={() => setSecret(undefined)} />
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={devices.length > 0}
        onRetry={() => void list.refetch()}
      />
      <Table<Device>
        size="small"
        rowKey="deviceId"
        dataSource={devices}
        pagination={devices.length > 50 ? { pageSize: 50 } : false}
        locale={{ emptyText: t('admin.empty') }}
        columns={[
          { title: t('admin.deviceId'), dataIndex: 'deviceId', sorter: (a, b) => (a.deviceId < b.deviceId ? -1 : 1) },
          { title: t('admin.name'), dataIndex: 'name' },
          { title: t('admin.role'), render: (_, row) => t(`role.${row.role}`) },
          { title: t('admin.regions'), render: (_, row) => row.regions.map(nameOf).join(t('state.listed')) },
          { title: t('admin.units'), render: (_, row) => row.unitIds.join(t('state.listed')) },
          {
            title: t('admin.actions'),
            render: (_, row) =>
              row.revokedAt !== undefined ? (
                <span className="faint">{t('admin.revoked')}</span>
              ) : (
                <Popconfirm title={t('admin.confirmRevoke')} onConfirm={() => void revoke(row)}>
                  <Button size="small" danger>
                    {t('admin.revoke')}
                  </Button>
                </Popconfirm>
              ),
          },
        ]}
      />
      <Modal
        open={adding}
        title={t('admin.createDevice')}
        okText={t('admin.save')}
        cancelText={t('admin.cancel')}
        onOk={() => form.submit()}
        onCancel={() => setAdding(false)}
        okButtonProps={{ 'data-testid': 'device-save' } as never}
      >
        <Form form={form} layout="vertical" onFinish={add} requiredMark={false}>
          <Form.Item
            name="deviceId"
            label={t('admin.deviceId')}
            rules={[{ required: true, pattern: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/ }]}
          >
            <Input autoComplete="off" maxLength={64} />
          </Form.Item>
          <Form.Item name="name" label={t('admin.name')} rules={[{ required: true }]}>
            <Input autoComplete="off" maxLength={120} />
          </Form.Item>
          <Form.Item name="role" label={t('admin.role')} rules={[{ required: true }]}>
            <Select options={deviceRoles.map(role => ({ value: role, label: t(`role.${role}`) }))} />
          </Form.Item>
          <Form.Item name="regions" label={t('admin.regions')} rules={[{ required: true }]}>
            <Select
              mode="tags"
              options={[...regions.values()].map(region => ({
                value: region.code,
                label: `${nameOf(region.code)} ${region.code}`,
              }))}
            />
          </Form.Item>
          <Form.Item name="unitIds" label={t('admin.units')} extra={t('admin.unitsHint')}>
            <Select mode="tags" open={false} />
          </Form.Item>
          {refusal && <RefusalNote refusal={refusal} />}
        </Form>
      </Modal>
    </div>
  )
}
