import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Capsule } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { fileStorageExtension, otelcolStorageFile } from './component.ts'

const root = mkdtempSync(join(tmpdir(), 'solder-storage-'))
after(() => rmSync(root, { recursive: true }))

test('every node gets a directory of its own, under one that is made at the start', async () => {
  const host = new TestHost({ dataDir: join(root, 'node') })
  const component = await otelcolStorageFile.create(
    host,
    decoded(otelcolStorageFile.settings, { directory_permissions: '0700' }),
  )
  const { storage } = (host.exports['handler'] as Capsule).value as OtelExtension
  assert.equal(storage?.directoryFor('exporter/otlp/x'), join(root, 'node', 'exporter_otlp_x'))
  assert.equal(existsSync(join(root, 'node')), false, 'nothing is made before the start')
  await component.start?.()
  assert.equal(statSync(join(root, 'node')).mode & 0o777, 0o700)
  await component.stop(100)
})

test('a directory that must be there is asked for', async () => {
  const settings = decoded(fileStorageExtension.settings, { directory: join(root, 'none') })
  const none = { metrics: [], logs: [], traces: [] }
  await assert.rejects(async () => fileStorageExtension.create(new TestHost(), settings, none), /directory must exist/)
  assert.deepEqual(problemsOf(fileStorageExtension.settings, { directory_permissions: '9' }), [
    'directory_permissions value is not a valid octal value: "9"',
  ])
})
