import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadUserAgentReader } from './user_agent.ts'

test('user agents tell their names and versions, and those of the systems below them', async () => {
  const read = await loadUserAgentReader()
  const cases = [
    { text: 'curl/8.5.0', want: ['curl', '8.5.0', 'Other', ''] },
    {
      text: 'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0',
      want: ['Firefox', '115.0', 'Ubuntu', ''],
    },
    {
      text: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
      want: ['Chrome', '120.0.0', 'Windows', '10'],
    },
    { text: 'nobody knows this/1', want: ['Other', '', 'Other', ''] },
    { text: '', want: ['Other', '', 'Other', ''] },
  ]
  for (const { text, want } of cases) {
    const { name, version, osName, osVersion } = read(text)
    assert.deepEqual([name, version, osName, osVersion], want, text)
    assert.equal(read(text), read(text))
  }
})
