// What Grafana Agent does to its configuration before it reads it, and the names that it gives.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseYaml } from '../yaml/parser.ts'
import { endpointName } from './endpoint_name.ts'
import { expandEnvironment } from './expand_env.ts'

describe('Expansion of the environment', () => {
  const environment = { A: 'Value', EMPTY: '', B: 'xyz' }
  const cases = [
    { name: 'a variable', input: 'a: ${A}', want: 'a: Value' },
    { name: 'one that is not set', input: '<${GONE}>', want: '<>' },
    { name: 'a default', input: '${GONE:-x y}${EMPTY:=z}${A:-no}', want: 'x yzValue' },
    { name: 'a default without a colon', input: '${GONE-x}${GONE=y}', want: 'xy' },
    { name: 'quotes in a default', input: "${GONE:='debug'}", want: "'debug'" },
    { name: 'cases', input: '${A^^} ${A,,} ${B^} ${A,}', want: 'VALUE value Xyz value' },
    { name: 'parts', input: '${B:1} ${B:1:1} ${#B}', want: 'yz y 3' },
    { name: 'a doubled dollar sign', input: '$${A} $$', want: '${A} $' },
    { name: 'a dollar sign alone', input: '$A $1 {}', want: '$A $1 {}' },
    { name: 'a number', input: '${1}_x', want: '_x' },
  ]
  for (const { name, input, want } of cases) {
    test(name, () => assert.deepEqual(expandEnvironment(input, environment), { text: want, unknown: [] }))
  }

  test('What is not understood is named, and left', () => {
    const found = expandEnvironment('${A/x/y} ${-}', environment)
    assert.deepEqual(found, { text: '${A/x/y} ${-}', unknown: ['${A/x/y}', '${-}'] })
  })
})

describe('The name of an endpoint', () => {
  // The digits are what Go's own JSON and MD5 give for the structures that Prometheus 3.13 reads from these texts.
  const cases = [
    { input: '{url: "http://a/push"}', want: '37e64a' },
    {
      input:
        '{url: "https://b:9090/api/v1/write", remote_timeout: 45s, headers: {z: "1", a: "<&>"}, send_exemplars: false, ' +
        'basic_auth: {username: u, password: p}, tls_config: {ca_file: /ca, insecure_skip_verify: true}, ' +
        'write_relabel_configs: [{source_labels: [x], regex: y, action: drop}], ' +
        'queue_config: {max_shards: 7, retry_on_http_429: false}, metadata_config: {send: false}}',
      want: '29da15',
    },
    { input: '{url: "http://c", bearer_token: t, proxy_url: "http://p:1", follow_redirects: false}', want: '92d835' },
    { input: '{url: "http://d", sigv4: {region: r, access_key: k, secret_key: s}}', want: '5c5f74' },
    {
      input: '{url: "http://e", azuread: {managed_identity: {client_id: 00000000-0000-0000-0000-000000000001}}}',
      want: '94bf47',
    },
    {
      input: '{url: "http://f", oauth2: {client_id: c, client_secret: s, token_url: "https://o", scopes: [a]}}',
      want: '343a07',
    },
  ]
  for (const { input, want } of cases) {
    test(input, () => {
      const { root } = parseYaml('a.yaml', input)
      assert.ok(root?.kind === 'map')
      assert.equal(endpointName('n', root), `n-${want}`)
    })
  }
})
