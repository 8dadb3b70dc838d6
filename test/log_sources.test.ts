// Sources of log lines with the programs that people send with.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { Capsule, defineSettings, type LogsPort, type Value } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, TestHost } from '#component/test_host'
import { labelText } from '#pdata/loki'
import { lokiSourceJournal } from '../receivers/loki_source_journal/component.ts'
import type { LokiSourceJournal } from '../receivers/loki_source_journal/source.ts'
import { lokiSourceSyslog } from '../receivers/loki_source_syslog/component.ts'
import type { LokiSourceSyslog } from '../receivers/loki_source_syslog/receiver.ts'
import { eventually, hasProgram, temporaryDirectory } from './real.ts'

/** Keeps every line that comes, with its labels. */
class Sink {
  readonly lines: string[] = []
  readonly port: LogsPort = {
    nodeId: 'sink',
    signal: 'logs',
    consume: (batch) => {
      for (const { labels, lines } of batch.streams ?? []) {
        for (const line of lines) this.lines.push(`${labelText(labels)} ${line}`)
      }
    },
  }
  readonly capsule = new Capsule('LogsReceiver', this.port)

  async expect(...want: string[]): Promise<void> {
    await eventually(want.join('\n'), () => this.lines.length >= want.length || undefined)
    assert.deepEqual(this.lines, want)
  }
}

function rules(regex: string): Capsule {
  const rule = [{ regex, replacement: '$1', action: 'labelmap' }]
  return new Capsule('RelabelRules', new RelabelRules(decoded(defineSettings({ rule: relabelRuleBlocks('Rules.') }), { rule }).rule)) // prettier-ignore
}

async function syslog(t: TestContext, sink: Sink, protocol: string, format: string): Promise<number> {
  const settings = decoded(lokiSourceSyslog.settings, {
    forward_to: [sink.capsule],
    relabel_rules: rules('__syslog_message_(app_name|severity|facility|msg_id|sd_.+)'),
    listener: [{ address: '127.0.0.1:0', protocol, syslog_format: format, label_structured_data: true }],
  })
  const receiver = (await lokiSourceSyslog.create(new TestHost(), settings)) as LokiSourceSyslog
  await receiver.start()
  t.after(() => receiver.stop(1000))
  return receiver.ports[0] as number
}

const skip = !hasProgram('logger')
const ways: { name: string; protocol: string; format: string; args: string[]; want: string }[] = [
  { name: 'RFC 5424 over TCP', protocol: 'tcp', format: 'rfc5424', args: ['-T', '--rfc5424', '--msgid', 'ID1'], want: ', msg_id="ID1"' }, // prettier-ignore
  { name: 'RFC 5424 over TCP with lengths', protocol: 'tcp', format: 'rfc5424', args: ['-T', '--rfc5424', '--octet-count'], want: '' }, // prettier-ignore
  { name: 'RFC 5424 over UDP', protocol: 'udp', format: 'rfc5424', args: ['-d', '--rfc5424'], want: '' },
  { name: 'RFC 3164 over TCP', protocol: 'tcp', format: 'rfc3164', args: ['-T', '--rfc3164'], want: '' },
  { name: 'RFC 3164 over UDP', protocol: 'udp', format: 'rfc3164', args: ['-d', '--rfc3164'], want: '' },
]
for (const { name, protocol, format, args, want } of ways) {
  test(`logger sends ${name}`, { skip }, async (t) => {
    const sink = new Sink()
    const port = await syslog(t, sink, protocol, format)
    const all = ['-n', '127.0.0.1', '-P', String(port), ...args, '-p', 'local3.warning', '-t', 'tagged', 'a lïne']
    const logger = spawnSync('logger', all, { encoding: 'utf8' })
    assert.equal(logger.status, 0, logger.stderr)
    await eventually('a line', () => sink.lines.length > 0 || undefined)
    const [line] = sink.lines
    const quality = /(, sd_timeQuality_[^,}]*)+/.exec(line as string)?.[0] ?? ''
    assert.equal(
      (line as string).replace(quality, ''),
      `{app_name="tagged", facility="local3"${want}, severity="warning"} a lïne`,
    )
    assert.equal(quality !== '', format === 'rfc5424')
  })
}

const journalRemote = '/lib/systemd/systemd-journal-remote'
const noJournal = !hasProgram('journalctl') || !hasProgram(journalRemote)

/** An entry in the export format; a message of several lines in its binary form. */
function journalEntry(message: string, ageMs: number, fields: Record<string, string> = {}): Buffer {
  const timeUs = BigInt(Math.round(Date.now() - ageMs)) * 1000n
  const head = `__REALTIME_TIMESTAMP=${timeUs}\n__MONOTONIC_TIMESTAMP=${timeUs % 1_000_000_000n}\n_BOOT_ID=6c7c6013a26343b29e964691ff25d04c\n`
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${value}\n`)
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(Buffer.byteLength(message)))
  return Buffer.concat([Buffer.from(`${head}${rest.join('')}MESSAGE\n`), size, Buffer.from(`${message}\n\n`)])
}

/** A journal on disk as journald would write it: appended to by the program that takes journals from other machines. */
function appendJournal(directory: string, ...entries: Buffer[]): void {
  const written = spawnSync(journalRemote, ['-o', `${directory}/system.journal`, '-'], { input: Buffer.concat(entries), encoding: 'utf8' }) // prettier-ignore
  assert.equal(written.status, 0, written.stderr)
}

async function journal(t: TestContext, sink: Sink, directory: string, more: Record<string, Value> = {}) {
  const host = new TestHost({ dataDir: `${directory}/data` })
  const settings = decoded(lokiSourceJournal.settings, { forward_to: [sink.capsule], path: `${directory}/journal`, ...more }) // prettier-ignore
  const source = (await lokiSourceJournal.create(host, settings)) as LokiSourceJournal
  await source.start()
  t.after(() => source.stop(1000))
  return { source, host }
}

const job = 'job="test.component.x"'

test(
  'journalctl reads a journal, follows it, and goes on where it was after a restart',
  { skip: noJournal },
  async (t) => {
    const directory = temporaryDirectory(t)
    mkdirSync(`${directory}/journal`)
    const unit = { PRIORITY: '3', _SYSTEMD_UNIT: 'a.service' }
    appendJournal(
      `${directory}/journal`,
      journalEntry('too old', 8 * 3_600_000),
      journalEntry('one', 30_000, unit),
      journalEntry('two\nlines', 20_000, unit),
    )
    const sink = new Sink()
    const relabel_rules = rules('__journal_(?:_systemd_)?(unit|priority_keyword)')
    const { source, host } = await journal(t, sink, directory, { relabel_rules })
    const labels = `{${job}, priority_keyword="error", unit="a.service"}`
    await sink.expect(`${labels} one`, `${labels} two\nlines`)
    assert.equal(host.counts.get('loki_source_journal_target_lines_total')?.value, 2)
    appendJournal(`${directory}/journal`, journalEntry('three', 10_000, unit))
    await sink.expect(`${labels} one`, `${labels} two\nlines`, `${labels} three`)
    await source.stop(5000)
    appendJournal(`${directory}/journal`, journalEntry('four', 5000))
    const again = new Sink()
    await journal(t, again, directory)
    await again.expect(`{${job}} four`)
  },
)

test('Matches choose entries of a journal, and an entry can be a line of JSON', { skip: noJournal }, async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(`${directory}/journal`)
  appendJournal(
    `${directory}/journal`,
    journalEntry('no', 3000, { _SYSTEMD_UNIT: 'b.service' }),
    journalEntry('<yes>', 2000, { _SYSTEMD_UNIT: 'a.service' }),
  )
  const sink = new Sink()
  await journal(t, sink, directory, { matches: '_SYSTEMD_UNIT=a.service', format_as_json: true, labels: new Map([['a', 'b']]) }) // prettier-ignore
  const line =
    '{"MESSAGE":"\\u003cyes\\u003e","_BOOT_ID":"6c7c6013a26343b29e964691ff25d04c","_SYSTEMD_UNIT":"a.service"}'
  await sink.expect(`{a="b", ${job}} ${line}`)
})

test('A journal that is not there makes the source unhealthy', { skip: noJournal }, async (t) => {
  const directory = temporaryDirectory(t)
  const { host } = await journal(t, new Sink(), directory)
  await host.until(() => host.health.message.includes('No such file or directory'))
  assert.equal(host.health.state, 'unhealthy')
})
