import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoded, freePort, TestHost } from '#component/test_host'
import { healthCheckExtension } from './component.ts'

test('it answers while it runs, on its path only', async () => {
  const port = await freePort()
  const settings = decoded(healthCheckExtension.settings, { endpoint: `127.0.0.1:${port}`, path: '/up' })
  const component = await healthCheckExtension.create(new TestHost(), settings, { metrics: [], logs: [], traces: [] })
  await component.start?.()
  const answer = await fetch(`http://127.0.0.1:${port}/up`)
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as { status: string }).status, 'Server available')
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404)
  const second = await healthCheckExtension.create(new TestHost(), settings, { metrics: [], logs: [], traces: [] })
  await assert.rejects(async () => second.start?.(), /Cannot listen on 127\.0\.0\.1/)
  await component.stop(100)
  await component.stop(100)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/up`))
})
