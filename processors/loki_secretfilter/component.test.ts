import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Capsule, type LogsPort, SettingsError } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { labelsFrom, labelsText, Logs, LogStream } from '#pdata'
import { lokiSecretFilter } from './component.ts'
import { builtInRules } from './rules.ts'

class Sink implements LogsPort {
  readonly nodeId = 'test.sink.x'
  readonly signal = 'logs'
  readonly taken: string[] = []
  consume({ streams }: Logs): void {
    for (const { labels, lines } of streams ?? [])
      for (const line of lines) this.taken.push(`${labelsText(labels)} ${line}`)
  }
}

async function run(settings: Written, lines: readonly string[], clock = new ManualClock()) {
  const host = new TestHost({ clock })
  const sink = new Sink()
  const body = { forward_to: [new Capsule('LogsReceiver', sink)], ...settings }
  const component = await lokiSecretFilter.create(host, decoded(lokiSecretFilter.settings, body))
  const batch = Logs.fromStreams([
    new LogStream(labelsFrom([['job', 'a']]), new BigInt64Array(lines.length), lines, null),
  ])
  host.counters.in += batch.count
  await component.logs?.consume(batch)
  await component.stop(0)
  const { counters } = host
  assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  return { host, taken: sink.taken.map((one) => one.replace('{job="a"} ', '')) }
}

/** Made here, so that no scanner takes this file for a leak. */
const secret = (prefix: string, length: number): string => prefix + 'aB3dE6gH9jK2'.repeat(10).slice(0, length)
const github = secret('ghp_', 36)

describe('loki.secretfilter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'solder-secrets-'))
  after(() => rmSync(folder, { recursive: true }))
  const ruleFile = (text: string): string => {
    const path = join(folder, `${Math.random()}.toml`)
    writeFileSync(path, text)
    return path
  }

  it('replaces secrets, wherever they stand, and leaves the rest', async () => {
    const { taken, host } = await run({ redact_with: '<$SECRET_NAME>', origin_label: 'job' }, [
      `token=${github} again ${github}`,
      'nothing here',
      `ok ${github} gitleaks:allow`,
      'postgres://user:hunter22@db/x',
    ])
    assert.deepEqual(taken, [
      'token=<github-token> again <github-token>',
      'nothing here',
      `ok ${github} gitleaks:allow`,
      'postgres://user:<url-password>@db/x',
    ])
    const count = 'loki_secretfilter_secrets_redacted_by_category_total{rule="github-token",origin="a"}'
    assert.equal(host.counts.get(count)?.value, 2, [...host.counts.keys()].join('\n'))
  })

  it('tells no more origins apart than are set', async () => {
    const { host } = await run({ origin_label: 'job', origin_limit: 0n }, [github])
    const count = 'loki_secretfilter_secrets_redacted_by_category_total{rule="github-token",origin="other"}'
    assert.equal(host.counts.get(count)?.value, 1)
  })

  const percents: [percent: bigint | undefined, want: string][] = [
    [undefined, `${github.slice(0, 8)}...`],
    [50n, `${github.slice(0, 20)}...`],
    [100n, 'REDACTED'],
    [0n, `${github.slice(0, 8)}...`],
  ]
  for (const [percent, want] of percents) {
    it(`shows ${want} where ${percent ?? 'nothing'} percent are taken away`, async () => {
      const { taken } = await run(percent === undefined ? {} : { redact_percent: percent }, [github])
      assert.deepEqual(taken, [want])
    })
  }

  it('knows tokens by their fixed parts', async () => {
    const samples: Record<string, string> = {
      'aws-access-key-id': 'AKIAABCDEFGHIJKLMNOP',
      'gitlab-token': secret('glpat-', 20),
      'google-api-key': secret('AIza', 35),
      'npm-token': secret('npm_', 36),
      'slack-token': secret('xoxb-', 30),
      'stripe-key': secret('sk_live_', 24),
      'sendgrid-api-key': `${secret('SG.', 22)}.${secret('', 43)}`,
      'json-web-token': `${secret('ey', 20)}.${secret('ey', 30)}.${secret('', 20)}`,
      'private-key': `-----BEGIN RSA PRIVATE KEY-----\n${secret('', 64)}\n-----END RSA PRIVATE KEY-----`,
      'hashicorp-vault-token': secret('hvs.', 30),
    }
    for (const [rule, text] of Object.entries(samples)) {
      const { taken } = await run({ redact_with: '$SECRET_NAME' }, [`a "${text}" b`])
      assert.deepEqual(taken, [`a "${rule}" b`])
    }
    assert.equal(new Set(builtInRules.map(({ id }) => id)).size, builtInRules.length)
  })

  it('reads rules as gitleaks has them', async () => {
    const path = ruleFile(`
[extend]
useDefault = true
disabledRules = ["npm-token"]
[[rules]]
id = "mine"
regex = '''key=([a-z0-9]+)'''
secretGroup = 1
entropy = 2.0
keywords = ["KEY"]
[[rules.allowlists]]
regexes = ['''^good''']
stopwords = ["example"]
[[rules]]
id = "files"
path = '''\\.pem$'''
[allowlist]
regexes = ['''^abc''']
`)
    const { taken } = await run({ gitleaks_config: path, redact_with: '[$SECRET_NAME]' }, [
      'key=a1b2c3d4',
      'key=aaaaaaaa',
      'key=good1234',
      'key=myexample1',
      'key=abcd1234',
      secret('npm_', 36),
      github,
    ])
    assert.deepEqual(taken, [
      'key=[mine]',
      'key=aaaaaaaa',
      'key=good1234',
      'key=myexample1',
      'key=abcd1234',
      secret('npm_', 36),
      '[github-token]',
    ])
  })

  const wrong: [text: string, want: RegExp][] = [
    ['[[rules', /Cannot read the rules in .*toml/],
    ['title = "x"', /it has no rules/],
    ['[[rules]]\nid = "a"\nregex = "("', /rule a: error parsing regexp/],
    ['[[rules]]\nregex = "x"', /a rule has no id/],
  ]
  for (const [text, want] of wrong) {
    it(`refuses ${JSON.stringify(text)}`, async () => {
      await assert.rejects(run({ gitleaks_config: ruleFile(text) }, []), (error: unknown) => {
        return error instanceof SettingsError && want.test(error.message)
      })
    })
  }

  it('lets lines pass, labels or drops them that take too long', async () => {
    /** Every look at it takes ten milliseconds. */
    class SlowClock extends ManualClock {
      #looks = 0
      override monotonic(): number {
        return ++this.#looks * 10
      }
    }
    const slow = { processing_timeout: '5ms', redact_with: 'x' }
    const passing = await run(slow, [github], new SlowClock())
    assert.deepEqual(passing.taken, [github])
    const labelled = await run({ ...slow, label_timed_out: true }, [github], new SlowClock())
    assert.deepEqual(labelled.taken, [`{job="a", secretfilter="timed-out"} ${github}`])
    const dropping = await run({ ...slow, drop_on_timeout: true }, [github, github], new SlowClock())
    assert.deepEqual(dropping.taken, [])
    assert.deepEqual([...dropping.host.counters.droppedByReason], [['processing_timeout', 2]])
    assert.equal(dropping.host.counts.get('loki_secretfilter_lines_dropped_total')?.value, 2)
  })

  it('looks at a share of the lines only', async () => {
    const { taken, host } = await run({ rate: 0 }, [github])
    assert.deepEqual(taken, [github])
    assert.equal(host.counts.get('loki_secretfilter_entries_bypassed_total')?.value, 1)
    assert.deepEqual(problemsOf(lokiSecretFilter.settings, { forward_to: [], rate: 2 }), [
      'secretfilter: sampling rate must be between 0.0 and 1.0, received 2',
    ])
  })
})
