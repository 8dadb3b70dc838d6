import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Capsule } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { otelcolAuthHeaders } from './component.ts'

const context = {
  metadata: new Map([['x-tenant', ['acme']]]),
  auth: new Map<string, unknown>([['subject', 'me']]),
  peer: '',
}

async function headers(written: Written, present: Record<string, string>): Promise<Readonly<Record<string, string>>> {
  const host = new TestHost()
  await otelcolAuthHeaders.create(host, decoded(otelcolAuthHeaders.settings, written))
  const extension = (host.exports['handler'] as Capsule).value as OtelExtension
  return (await extension.clientAuth?.headers(context, present)) ?? {}
}

test('actions on headers', async () => {
  const cases: { name: string; header: Written; present: Record<string, string>; want: Record<string, string> }[] = [
    {
      name: 'upsert is the default',
      header: { key: 'X-A', value: 'v' },
      present: { 'x-a': 'old' },
      want: { 'x-a': 'v' },
    },
    {
      name: 'insert leaves what is there',
      header: { key: 'X-A', value: 'v', action: 'insert' },
      present: { 'x-a': 'old' },
      want: { 'x-a': 'old' },
    },
    { name: 'insert', header: { key: 'X-A', value: 'v', action: 'insert' }, present: {}, want: { 'x-a': 'v' } },
    { name: 'update needs one', header: { key: 'X-A', value: 'v', action: 'update' }, present: {}, want: {} },
    {
      name: 'update',
      header: { key: 'X-A', value: 'v', action: 'update' },
      present: { 'x-a': 'old' },
      want: { 'x-a': 'v' },
    },
    { name: 'delete', header: { key: 'X-A', action: 'delete' }, present: { 'x-a': 'old', b: 'c' }, want: { b: 'c' } },
    {
      name: 'from the client',
      header: { key: 'X-Scope-OrgID', from_context: 'X-Tenant' },
      present: {},
      want: { 'x-scope-orgid': 'acme' },
    },
    {
      name: 'from authentication',
      header: { key: 'who', from_attribute: 'subject' },
      present: {},
      want: { who: 'me' },
    },
    { name: 'a client without it', header: { key: 'a', from_context: 'none' }, present: {}, want: {} },
    {
      name: 'and a default',
      header: { key: 'a', from_context: 'none', default_value: 'd' },
      present: {},
      want: { a: 'd' },
    },
  ]
  for (const { name, header, present, want } of cases) assert.deepEqual(await headers({ header }, present), want, name)
})

test('headers without a source, or with two, are refused', () => {
  assert.match(problemsOf(otelcolAuthHeaders.settings, { header: { key: 'a' } })[0] ?? '', /missing header source/)
  const two = { header: { key: 'a', value: 'v', from_context: 'b' } }
  assert.match(problemsOf(otelcolAuthHeaders.settings, two)[0] ?? '', /invalid header source/)
})
