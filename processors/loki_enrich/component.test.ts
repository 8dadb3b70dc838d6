import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, ConsumeError, type LogsPort } from '#component'
import { decoded, TestHost, type Written } from '#component/test_host'
import { labelsFrom, labelsText, Logs, LogStream } from '#pdata'
import { lokiEnrich } from './component.ts'

class Sink implements LogsPort {
  readonly nodeId = 'test.sink.x'
  readonly signal = 'logs'
  readonly taken: string[] = []
  consume({ streams }: Logs): void {
    for (const { labels, lines } of streams ?? [])
      for (const line of lines) this.taken.push(`${labelsText(labels)} ${line}`)
  }
}

const stream = (labels: Record<string, string>, ...lines: string[]): LogStream =>
  new LogStream(labelsFrom(Object.entries(labels)), new BigInt64Array(lines.length), lines, null)

const targets = [
  new Map([
    ['host', 'a'],
    ['env', 'prod'],
    ['rack', '7'],
  ]),
  new Map([['env', 'nowhere']]),
]

const cases: { name: string; settings: Written; want: string[] }[] = [
  {
    name: 'all labels of the target that a line is of are put on it',
    settings: { target_match_label: 'host' },
    want: ['{env="prod", host="a", rack="7"} one', '{host="b"} two', '{env="dev", from="a"} three'],
  },
  {
    name: 'only the labels that are named, matched by another label',
    settings: { target_match_label: 'host', logs_match_label: 'from', labels_to_copy: ['env', 'none'] },
    want: ['{host="a"} one', '{host="b"} two', '{env="prod", from="a"} three'],
  },
]
for (const { name, settings, want } of cases) {
  test(name, async () => {
    const host = new TestHost()
    const sink = new Sink()
    const forward = { forward_to: [new Capsule('LogsReceiver', sink)], targets }
    const component = await lokiEnrich.create(host, decoded(lokiEnrich.settings, { ...forward, ...settings }))
    await component.logs?.consume(
      Logs.fromStreams([
        stream({ host: 'a' }, 'one'),
        stream({ host: 'b' }, 'two'),
        stream({ from: 'a', env: 'dev' }, 'three'),
      ]),
    )
    assert.deepEqual(sink.taken, want)
    assert.equal(host.counters.out, 3)
    await component.update?.(decoded(lokiEnrich.settings, { ...forward, ...settings, targets: [] }))
    await component.logs?.consume(Logs.fromStreams([stream({ host: 'a' }, 'four')]))
    assert.equal(sink.taken.at(-1), '{host="a"} four')
    assert.throws(() => component.logs?.consume(Logs.fromWire([], 0)), ConsumeError)
    await component.stop(0)
    await component.stop(0)
  })
}
