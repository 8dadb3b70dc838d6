import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoded, TestHost } from '#component/test_host'
import { Logs, LogStream } from '#pdata'
import { lokiEcho } from './component.ts'

test('every line is logged and counted', async () => {
  const host = new TestHost()
  const lines: unknown[] = []
  host.log.info = (message, fields) => void lines.push([message, fields])
  const echo = await lokiEcho.create(host, decoded(lokiEcho.settings, {}))
  const stream = new LogStream(['a', 'b'], BigInt64Array.of(1_500_000_000n, 0n), ['one', 'two'], [['k', 'v'], null])
  await echo.logs?.consume(Logs.fromStreams([stream]))
  assert.deepEqual(lines, [
    [
      'received log entry',
      {
        entry: 'one',
        entry_timestamp: '1970-01-01T00:00:01.500Z',
        labels: '{a="b"}',
        structured_metadata: '{"k":"v"}',
      },
    ],
    [
      'received log entry',
      { entry: 'two', entry_timestamp: '1970-01-01T00:00:00.000Z', labels: '{a="b"}', structured_metadata: '{}' },
    ],
  ])
  assert.equal(host.counters.out, 2)
  assert.throws(() => echo.logs?.consume(Logs.fromWire([], 0)), /has to make streams/)
  echo.stop(0)
  echo.stop(0)
})
