import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Capsule, type Component, type LogsPort, type OtelOutput, type Value } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Logs } from '#pdata'
import { anyValueText, logsTree } from '#pdata/otlp'
import { journaldReceiver } from './component.ts'

/** A stand-in for journalctl: notes its arguments, gives one entry, and waits for more that never comes. */
const fake = (directory: string): string => `#!/bin/sh
echo "$*" >> ${directory}/arguments
printf '__CURSOR=s=a;i=%s\\n__REALTIME_TIMESTAMP=1767323045006007\\nMESSAGE=hello\\nPRIORITY=6\\nTAG=a\\nTAG=b\\n\\n' "$$"
exec sleep 60
`

class Fixture {
  readonly directory: string
  readonly lines: string[] = []
  component: Component | undefined

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'journald-'))
    writeFileSync(join(this.directory, 'journalctl'), fake(this.directory))
    chmodSync(join(this.directory, 'journalctl'), 0o755)
    t.after(async () => {
      await this.component?.stop(1000)
      rmSync(this.directory, { recursive: true })
    })
  }

  #take(batch: Logs): void {
    for (const { scopeLogs } of logsTree(batch).resourceLogs) {
      for (const { body, timeUnixNano, attributes } of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
        const rest = attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`)
        this.lines.push([anyValueText(body).replace(/i=\d+/, 'i=N'), timeUnixNano, ...rest].join(' | '))
      }
    }
  }

  async start(written: Written): Promise<string> {
    await this.component?.stop(1000)
    const port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
    const output: OtelOutput = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: port }] }
    const settings = decoded(journaldReceiver.settings, {
      journalctl_path: join(this.directory, 'journalctl'),
      ...written,
    })
    const before = this.lines.length
    this.component = await journaldReceiver.create(new TestHost(), settings, output)
    await this.component.start?.()
    while (this.lines.length === before) await new Promise((resolve) => setTimeout(resolve, 5))
    return readFileSync(join(this.directory, 'arguments'), 'utf8').trim().split('\n').at(-1) as string
  }
}

test('Entries are maps of their fields, and go through operators', async (t) => {
  const f = new Fixture(t)
  await f.start({
    operators: [
      new Map<string, Value>([
        ['type', 'copy'],
        ['from', 'body.MESSAGE'],
        ['to', 'attributes.m'],
      ]),
    ],
  })
  assert.deepEqual(f.lines, [
    '{"MESSAGE":"hello","PRIORITY":"6","TAG":["a","b"],"__CURSOR":"s=a;i=N"} | 1767323045006007000 | m=hello',
  ])
})

test('What is asked for becomes arguments of journalctl', async (t) => {
  const f = new Fixture(t)
  const asked = await f.start({
    start_at: 'beginning',
    units: ['ssh', 'kubelet'],
    identifiers: ['id'],
    priority: 'emerg..err',
    grep: 'x',
    dmesg: true,
    namespace: 'n',
    files: ['/a'],
    merge: true,
    matches: [
      new Map([['_SYSTEMD_UNIT', 'ssh']]),
      new Map([
        ['_UID', '1000'],
        ['_SYSTEMD_UNIT', 'kubelet'],
      ]),
    ],
  })
  assert.match(
    asked,
    / --unit=ssh --unit=kubelet --identifier=id --priority=emerg\.\.err --grep=x --dmesg --namespace=n --file=\/a --merge -- _SYSTEMD_UNIT=ssh \+ _SYSTEMD_UNIT=kubelet _UID=1000$/,
  )
})

test('It begins at the end, and goes on where it was', async (t) => {
  const f = new Fixture(t)
  const storage = new Capsule('otelcol.Handler', {
    id: 'x',
    storage: { directoryFor: () => join(f.directory, 'store'), fsync: true },
  } satisfies OtelExtension)
  assert.match(await f.start({ storage }), / --priority=info --since=@\d+\.\d+ --$/)
  assert.match(await f.start({ storage }), / --after-cursor=s=a;i=\d+ --$/)
})

test('Settings that cannot work are told', () => {
  assert.deepEqual(
    problemsOf(journaldReceiver.settings, {
      start_at: 'x',
      priority: 'loud',
      matches: [new Map([['lower', 'x']])],
    }).map((problem) => problem.slice(0, 40)),
    [
      'invalid value "x" for start_at: should b',
      '"lower" is not a valid field name of the',
      'priority should be one of emerg, alert, ',
    ],
  )
})
