// Sources of log lines with the programs that people send with.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { Capsule, defineSettings, type LogsPort } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, TestHost } from '#component/test_host'
import { labelText } from '#pdata/loki'
import { lokiSourceSyslog } from '../receivers/loki_source_syslog/component.ts'
import type { LokiSourceSyslog } from '../receivers/loki_source_syslog/receiver.ts'
import { eventually, hasProgram } from './real.ts'

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
