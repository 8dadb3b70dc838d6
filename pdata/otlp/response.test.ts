import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OtlpError } from './error.ts'
import {
  decodeExportResponse,
  decodeRpcStatus,
  encodeExportResponse,
  encodeRpcStatus,
  exportResponseFromJson,
  exportResponseToJson,
} from './response.ts'
import { judges } from './testdata/judge.ts'

const responses = [
  { rejected: 0, message: '' },
  { rejected: 12, message: 'süß: too late' },
  { rejected: 0, message: 'a warning' },
  { rejected: 2 ** 40, message: '' },
]

for (const response of responses) {
  test(`a response with ${response.rejected} rejected and ${JSON.stringify(response.message)}`, () => {
    const bytes = encodeExportResponse(response)
    assert.deepEqual(decodeExportResponse(bytes), response)
    const { rejected, message } = response
    const judge = judges.response
    const judged = judge.toObject(judge.decode(bytes), { longs: Number }) as {
      partialSuccess?: Record<string, unknown>
    }
    assert.deepEqual({ rejected: 0, errorMessage: '', ...judged.partialSuccess }, { rejected, errorMessage: message })
    for (const signal of ['traces', 'logs', 'metrics'] as const) {
      assert.deepEqual(exportResponseFromJson(signal, exportResponseToJson(signal, response)), response)
    }
  })
}

test('a response in JSON names what was rejected', () => {
  const json = (signal: 'traces' | 'logs' | 'metrics'): string =>
    exportResponseToJson(signal, { rejected: 1, message: 'm' })
  assert.equal(json('traces'), '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"m"}}')
  assert.equal(json('logs'), '{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"m"}}')
  assert.equal(json('metrics'), '{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"m"}}')
  assert.deepEqual(exportResponseFromJson('traces', 'null'), { rejected: 0, message: '' })
  assert.throws(() => exportResponseFromJson('traces', '<html>'), OtlpError)
})

test('a status goes with its delay', () => {
  const bytes = encodeRpcStatus({ code: 14, message: 'busy', retryAfterMs: 1500 })
  // google.rpc.Status { code: 14, message: "busy", details: [Any { RetryInfo { retry_delay { seconds: 1, nanos: 5e8 } } }] }
  const type = Buffer.from('type.googleapis.com/google.rpc.RetryInfo')
  const info = [0x0a, 0x08, 0x08, 0x01, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]
  const any = [0x0a, type.length, ...type, 0x12, info.length, ...info]
  assert.deepEqual([...bytes], [0x08, 14, 0x12, 4, ...Buffer.from('busy'), 0x1a, any.length, ...any])
  assert.deepEqual(decodeRpcStatus(bytes), { code: 14, message: 'busy', retryAfterMs: 1500 })
  assert.deepEqual(decodeRpcStatus(new Uint8Array(0)), { code: 0, message: '', retryAfterMs: null })
  // A RetryInfo of another registry, without a delay: present all the same. Only the first one counts.
  const other = Buffer.from('example.org/google.rpc.RetryInfo')
  const bare = [0x1a, other.length + 2, 0x0a, other.length, ...other]
  const status = decodeRpcStatus(Uint8Array.from([0x08, 8, ...bare, 0x1a, any.length, ...any]))
  assert.deepEqual(status, { code: 8, message: '', retryAfterMs: 0 })
})

test('answers of any bytes are refused or read', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(0x08, 0x0a, 0x12, 0x1a, 0x02, 0x80), fc.nat(255))), (list) => {
      for (const decode of [decodeExportResponse, decodeRpcStatus]) {
        try {
          decode(Uint8Array.from(list))
        } catch (error) {
          assert.ok(error instanceof OtlpError, String(error))
        }
      }
    }),
    { interruptAfterTimeLimit: 1000, numRuns: 3000 },
  )
})
