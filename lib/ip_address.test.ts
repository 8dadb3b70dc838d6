import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp, parseNetwork } from './ip_address.ts'

test('addresses are four bytes or sixteen', () => {
  const cases = [
    { text: '1.2.3.4', want: '01020304' },
    { text: '::ffff:1.2.3.4', want: '01020304' },
    { text: '::', want: '00'.repeat(16) },
    { text: '1:2:3:4:5:6:7:8', want: '00010002000300040005000600070008' },
    { text: '1::1.2.3.4', want: '00010000000000000000000001020304' },
    { text: '01.2.3.4', want: undefined },
    { text: '1:2', want: undefined },
    { text: '1::2::3', want: undefined },
    { text: '1:2:3:4:5:6:7::8', want: undefined },
    { text: 'fe80::1%eth0', want: undefined },
    { text: '', want: undefined },
  ]
  for (const { text, want } of cases) {
    const bytes = parseIp(text)
    assert.equal(bytes && Buffer.from(bytes).toString('hex'), want, text)
  }
})

test('networks hold the addresses that begin as they do', () => {
  const cases = [
    { network: '10.0.0.0/8', address: '10.200.3.4', want: true },
    { network: '10.128.0.0/9', address: '10.127.3.4', want: false },
    { network: '0.0.0.0/0', address: '::1', want: false },
    { network: 'fe80::/10', address: 'febf::1', want: true },
    { network: '::ffff:10.0.0.0/104', address: '10.1.1.1', want: true },
  ]
  for (const { network, address, want } of cases) {
    assert.equal(parseNetwork(network)?.contains(parseIp(address) as Uint8Array), want, `${network} ${address}`)
  }
  for (const text of ['10.0.0.0', '10.0.0/8', '10.0.0.0/33', '::/129', '10.0.0.0/', '/8', '10.0.0.0/+8']) {
    assert.equal(parseNetwork(text), undefined, text)
  }
})

test('what is an address is one for Node too', () => {
  const unit = fc.constantFrom('1', '0', 'f', ':', '::', '.', '255', '1.2.3.4')
  fc.assert(fc.property(fc.string({ unit }), (text) => assert.equal(parseIp(text) !== undefined, isIP(text) !== 0)))
})
