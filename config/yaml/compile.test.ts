import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Capsule, type OtelOutput, Secret, type Value } from '#component'
import fc from 'fast-check'
import type { ExportsView, Plan } from '../plan.ts'
import { compileYaml, resolveYaml, type YamlSource } from './compile.ts'
import { redactedYaml } from './print.ts'
import { readYamlConfiguration } from './sources.ts'
import { probeRegistry } from './testdata/probes.ts'
import { valueOf } from './tree.ts'

const handlers = new Map([['extension/auth', new Map([['handler', new Capsule('otelcol.Handler', { id: 'auth' })]])]])

function view(exports: ReadonlyMap<string, ReadonlyMap<string, Value>> = handlers): ExportsView {
  const receivers = new Map<string, Capsule>()
  return {
    exports: (id) => exports.get(id),
    receiver(nodeId: string) {
      let capsule = receivers.get(nodeId)
      if (!capsule) receivers.set(nodeId, (capsule = new Capsule('otelcol.Consumer', { nodeId })))
      return capsule
    },
  }
}

type Environment = Readonly<Record<string, string>>

function compile(sources: string | readonly YamlSource[], environment: Environment = {}): Promise<Plan> {
  const given = typeof sources === 'string' ? [{ name: 'test.yaml', text: sources }] : sources
  const options = { stability: 'experimental', hostname: 'host', version: '1' } as const
  return compileYaml(given, view(), { ...options, registry: probeRegistry, environment })
}

/** The settings of a receiver written as `body` (indented by four). */
async function decodedBody(body: string, environment: Environment = {}): Promise<Record<string, unknown>> {
  const text = `receivers:\n  in:\n${body}\nexporters: {out: }\nextensions: {auth: }
service: {extensions: [auth], pipelines: {logs: {receivers: [in], exporters: [out]}}}\n`
  const plan = await compile(text, environment)
  assert.deepEqual(
    plan.diagnostics.filter((d) => d.severity === 'error').map((d) => d.message),
    [],
  )
  const { settings } = plan.nodes.get('receiver/in')!.evaluate(view())
  assert.ok(settings)
  return settings as Record<string, unknown>
}

function shown(value: unknown): unknown {
  if (value instanceof Secret) return `secret ${value.reveal()}`
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, shown(v)]))
  return typeof value === 'bigint' ? Number(value) : Array.isArray(value) ? value.map(shown) : value
}

describe('Settings are decoded as upstream decodes them', () => {
  const cases: readonly { body: string; want: Record<string, unknown>; env?: Environment }[] = [
    { body: '', want: { text: 'preset', count: 1, interval: 1000, names: ['preset'], section: undefined, items: [] } },
    {
      body: '    text:\n    count: ~\n    names:\n    section:',
      want: { text: 'preset', count: 1, names: ['preset'] },
    },
    { body: '    section:\n    preset:', want: { section: { name: 'preset', size: 7 } } },
    { body: '    section: {}', want: { section: { name: 'preset', size: 7 } } },
    {
      body: '    section: {size: 8}',
      want: { section: { name: 'preset', size: 8 }, preset: { name: 'preset', size: 7 } },
    },
    { body: '    pointer:', want: { pointer: undefined } },
    { body: '    pointer: {}', want: { pointer: { name: 'preset', size: 7 } } },
    { body: '    section: {enabled: false, size: 3}', want: { section: undefined } },
    { body: '    section: {enabled: true, size: 3}', want: { section: { name: 'preset', size: 3 } } },
    { body: '    preset: {name: x}', want: { preset: { name: 'x', size: 7 }, section: undefined } },
    {
      body: '    items:\n      - name: a\n      -',
      want: {
        items: [
          { name: 'a', size: 7 },
          { name: 'preset', size: 7 },
        ],
      },
    },
    { body: '    items: []', want: { items: [] } },
    { body: '    text: 0x1F', want: { text: '0x1F' } },
    { body: '    text: 1.50', want: { text: '1.50' } },
    { body: '    text: True', want: { text: 'True' } },
    { body: '    text: 2001-12-14', want: { text: '2001-12-14' } },
    { body: '    text: ""', want: { text: '' } },
    { body: '    count: 0x1F', want: { count: 31 } },
    { body: '    count: 1_0', want: { count: 10 } },
    { body: '    count: 2.9', want: { count: 2 } },
    { body: '    ratio: 3', want: { ratio: 3 } },
    { body: '    interval: 90s', want: { interval: 90_000 } },
    { body: '    interval: 1500000000', want: { interval: 1500 } },
    { body: '    interval: 0', want: { interval: 0 } },
    { body: '    names: a,b', want: { names: ['a', 'b'] } },
    { body: '    names: ""', want: { names: [] } },
    { body: '    names: [~, null, b]', want: { names: ['', '', 'b'] } },
    { body: '    names: [a, 1, true]', want: { names: ['a', '1', 'true'] } },
    { body: '    labels: {a: 1, 404: x, b: yes}', want: { labels: { a: '1', '404': 'x', b: 'yes' } } },
    { body: '    token: 0123', want: { token: 'secret 0123' } },
    { body: '    tokens: {a: b}', want: { tokens: { a: 'secret b' } } },
    { body: '    anything: {a: [1, x, null, 2.5]}', want: { anything: { a: [1, 'x', null, 2.5] } } },
    { body: '    storage: auth', want: { storage: { id: 'auth' } } },
    { body: '    auth: {authenticator: auth}', want: { auth: { authenticator: { id: 'auth' } } } },
    { body: '    <<: {text: merged, count: 2}\n    count: 3', want: { text: 'merged', count: 3 } },
    { body: '    section: &s {size: 9}\n    preset: *s', want: { section: { name: 'preset', size: 9 } } },
    { body: '    headers: {a: 1, b: true}', want: { headers: { a: '1', b: 'true' } } },
    { body: '    headers: [{name: a, value: 010}]', want: { headers: [{ name: 'a', value: '010' }] } },
    // References.
    { body: '    headers: {a: "${env:N}"}', env: { N: '0123' }, want: { headers: { a: '0123' } } },
    { body: '    text: ${env:A}', env: { A: 'x' }, want: { text: 'x' } },
    { body: '    text: ${A}-${env:B}', env: { A: 'x', B: '010' }, want: { text: 'x-010' } },
    { body: '    text: ${env:N}', env: { N: '0123' }, want: { text: '0123' } },
    { body: '    text: ${env:Q}', env: { Q: '"quoted"' }, want: { text: '"quoted"' } },
    { body: '    text: ${env:EMPTY}', env: { EMPTY: '' }, want: { text: '' } },
    { body: '    count: ${env:EMPTY}', env: { EMPTY: '' }, want: { count: 1 } },
    { body: '    count: ${env:N}', env: { N: '5' }, want: { count: 5 } },
    { body: '    on: ${env:T}', env: { T: 'true' }, want: { on: true } },
    { body: '    count: ${env:NONE:-9}', want: { count: 9 } },
    { body: '    text: ${env:NONE:-}', want: { text: '' } },
    { body: '    text: ${env:NONE:-a:-b}', want: { text: 'a:-b' } },
    { body: '    text: ${env:SET:-x}', env: { SET: '' }, want: { text: '' } },
    { body: '    text: a$$b', want: { text: 'a$b' } },
    { body: '    text: $${env:A}', env: { A: 'x' }, want: { text: '${env:A}' } },
    { body: '    text: $$${env:A}', env: { A: 'x' }, want: { text: '$x' } },
    { body: '    text: $A $ {A} ${A', env: { A: 'x' }, want: { text: '$A $ {A} ${A' } },
    { body: '    text: ${env:${env:B}}', env: { B: 'A', A: 'x' }, want: { text: 'x' } },
    { body: '    text: ${env:B}', env: { B: '<${env:A}>', A: 'x' }, want: { text: '<x>' } },
    { body: '    section: ${env:M}', env: { M: '{name: m, size: 3}' }, want: { section: { name: 'm', size: 3 } } },
    { body: '    text: ${env:M}', env: { M: '{name: m}' }, want: { text: '{name: m}' } },
    { body: '    numbers: "${yaml:[1, 2]}"', want: { numbers: [1, 2] } },
    { body: '    names: ["${env:A}", "${env:N}"]', env: { A: 'x', N: '7' }, want: { names: ['x', '7'] } },
    { body: '    interval: ${env:D}', env: { D: '2s' }, want: { interval: 2000 } },
  ]
  for (const { body, want, env } of cases) {
    const given = env ? ` with ${JSON.stringify(env)}` : ''
    test(`${JSON.stringify(body.trim())}${given} is ${JSON.stringify(want)}`, async () => {
      const settings = await decodedBody(body, env)
      const got = Object.fromEntries(Object.keys(want).map((key) => [key, shown(settings[key])]))
      assert.deepEqual(got, want)
    })
  }

  test('Texts of files and of servers stand in for references', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'solder-yaml-test-'))
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/size' ? 200 : 404).end('42')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const path = join(directory, 'part.yaml')
      await writeFile(path, 'name: ${env:A}\nsize: 4\n')
      await writeFile(join(directory, 'token'), 'top secret\n')
      const body = `    section: \${file:${path}}\n    token: \${file:${directory}/token}\n    count: \${http://127.0.0.1:${port}/size}`
      const settings = await decodedBody(body, { A: 'x' })
      assert.deepEqual(settings['section'], { name: 'x', size: 4 })
      assert.equal((settings['token'] as Secret).reveal(), 'top secret\n')
      assert.equal(settings['count'], 42)

      await writeFile(path, 'name: a\nsise: 4\n')
      const text = `receivers: {in: {section: "\${file:${path}}", text: "\${http://127.0.0.1:${port}/none}"}}\n`
      const { diagnostics } = await compile(text)
      const found = diagnostics.map(({ range, message }) => `${range.start.file}:${range.start.line} ${message}`)
      assert.ok(found.includes(`${path}:2 unrecognized key "sise"`), found.join('\n'))
      assert.ok(
        found.some((line) => /^test.yaml:1 cannot resolve .*the server answered 404/.test(line)),
        found.join('\n'),
      )
    } finally {
      await new Promise((resolve) => server.close(resolve))
      await rm(directory, { recursive: true })
    }
  })

  test('References that lead back to themselves end', async () => {
    for (const env of [
      { A: '${env:A}' },
      { A: 'x${env:A}' },
      { A: '[${env:A}, ${env:A}]' },
      { A: '["${env:A}", "${env:A}"]' },
    ]) {
      const { diagnostics } = await compile('receivers: {in: {anything: "${env:A}"}}', env)
      assert.ok(
        diagnostics.some((d) => /^(too many )?references/.test(d.message)),
        JSON.stringify(env),
      )
    }
  })

  test('Whatever text there is gives a plan or says what is wrong with it', async () => {
    const parts = fc.constantFrom(
      'receivers',
      ': ',
      '\n',
      '  ',
      'in',
      '- ',
      '{',
      '}',
      '[',
      '${env:A}',
      '&a ',
      '*a',
      '"',
      '#',
      '<<',
      '!!int ',
      '\t',
      'é',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 25 }), async (all) => {
        const plan = await compile(all.join(''), { A: '{a: 1}' })
        assert.ok(plan.diagnostics.length > 0)
      }),
      { numRuns: 500, interruptAfterTimeLimit: 1500 },
    )
  })
})

describe('Configurations are merged', () => {
  const first = 'receivers: {in: {text: a, names: [x, y], section: {name: n, size: 1}}}'
  const cases: readonly { name: string; later: readonly string[]; sets?: readonly string[]; want: unknown }[] = [
    {
      name: 'maps deep',
      later: ['receivers: {in: {section: {size: 2}}}'],
      want: { text: 'a', names: ['x', 'y'], section: { name: 'n', size: 2 } },
    },
    {
      name: 'lists replaced',
      later: ['receivers: {in: {names: [z]}}'],
      want: { text: 'a', names: ['z'], section: { name: 'n', size: 1 } },
    },
    {
      name: 'nulls over maps',
      later: ['receivers: {in: {section: }}'],
      want: { text: 'a', names: ['x', 'y'], section: null },
    },
    {
      name: 'with keys that are paths',
      later: ['receivers::in::text: b'],
      want: { text: 'b', names: ['x', 'y'], section: { name: 'n', size: 1 } },
    },
    {
      name: 'nothing',
      later: ['', '~', '# nothing'],
      want: { text: 'a', names: ['x', 'y'], section: { name: 'n', size: 1 } },
    },
    {
      name: 'and what the command line sets last',
      later: ['receivers::in::text: b'],
      sets: ['receivers.in.text = c', 'receivers.in.section.size=3', 'receivers.in.names=[q]'],
      want: { text: 'c', names: ['q'], section: { name: 'n', size: 3 } },
    },
  ]
  for (const { name, later, sets, want } of cases) {
    test(name, async () => {
      const configs = [first, ...later].map((text) => `yaml:${text}`)
      const { sources } = await readYamlConfiguration(configs, sets ?? [], {})
      const { root, diagnostics } = await resolveYaml(sources, {})
      assert.deepEqual(diagnostics, [])
      const whole = shown(valueOf(root!)) as { receivers: { in: unknown } }
      assert.deepEqual(whole.receivers.in, want)
    })
  }

  test('What cannot be read is said', async () => {
    const cases: readonly [readonly string[], readonly string[], RegExp][] = [
      [['nope:x'], [], /scheme is none of env, file/],
      [['/nowhere/at/all.yaml'], [], /Cannot read the file \/nowhere\/at\/all\.yaml: .*ENOENT/],
      [['env:1'], [], /invalid name/],
      [['yaml:a: 1'], ['x'], /missing equal sign/],
    ]
    for (const [configs, sets, want] of cases) await assert.rejects(readYamlConfiguration(configs, sets, {}), want)
  })
})

/** `id -> where each signal goes`, in the order of the plan. */
function shape(plan: Plan): Record<string, string> {
  const out: Record<string, string> = {}
  for (const node of plan.nodes.values()) {
    const { settings, value } = node.evaluate(view())
    assert.ok(settings, node.id)
    const [, consumers] = value as readonly [Value, readonly (readonly Capsule[])[]]
    const names = ['metrics', 'logs', 'traces'].flatMap((signal, i) => {
      const ids = consumers[i]?.map((capsule) => (capsule.value as OtelOutput['logs'][number]).nodeId)
      return ids && ids.length > 0 ? [`${signal}: ${ids.join(' ')}`] : []
    })
    out[node.id] = names.join(', ')
  }
  return out
}

describe('Pipelines become nodes', () => {
  test('Receivers, exporters and connectors once, processors for each pipeline', async () => {
    const plan = await compile(`
receivers: {in: , in/2: , metrics_in: }
processors: {oldstep: , step/2: }
exporters: {out: , out/2: }
connectors: {count: , pass: }
extensions: {auth: , plain: }
service:
  extensions: [plain, auth]
  pipelines:
    traces: {receivers: [in, in/2], processors: [oldstep, step/2], exporters: [out, count]}
    traces/2: {receivers: [in], exporters: [out, pass]}
    traces/3: {receivers: [pass], processors: [oldstep], exporters: [out/2]}
    metrics: {receivers: [metrics_in, count], processors: [step/2], exporters: [out]}
`)
    assert.deepEqual(plan.diagnostics, [])
    assert.deepEqual(shape(plan), {
      'extension/plain': '',
      'extension/auth': '',
      'exporter/out': '',
      'processor/step/2@metrics': 'metrics: exporter/out',
      'connector/count': 'metrics: processor/step/2@metrics',
      'processor/step/2@traces': 'traces: exporter/out connector/count',
      'processor/oldstep@traces': 'traces: processor/step/2@traces',
      'exporter/out/2': '',
      'processor/oldstep@traces/3': 'traces: exporter/out/2',
      'connector/pass': 'traces: processor/oldstep@traces/3',
      'receiver/in': 'traces: processor/oldstep@traces exporter/out connector/pass',
      'receiver/in/2': 'traces: processor/oldstep@traces',
      'receiver/metrics_in': 'metrics: processor/step/2@metrics',
    })
    assert.deepEqual(
      [...plan.nodes.get('connector/count')!.dependsOn],
      ['processor/step/2@metrics', 'extension/plain', 'extension/auth'],
    )
  })

  test('A node keeps its definition as long as it is connected in the same way', async () => {
    const text = (exporters: string, timeout: number): string => `
receivers: {in: {count: ${timeout}}}
exporters: {out: , out/2: }
service: {pipelines: {logs: {receivers: [in], exporters: [${exporters}]}}}`
    const [first, changed, moved] = await Promise.all(
      [text('out', 1), text('out', 2), text('out, out/2', 2)].map((t) => compile(t)),
    )
    const definitionOf = (plan: Plan | undefined) => plan?.nodes.get('receiver/in')?.definition
    assert.equal(definitionOf(first), definitionOf(changed))
    assert.notEqual(definitionOf(changed), definitionOf(moved))
  })

  test('What refers to an extension depends on it, and an extension without an export is refused', async () => {
    const plan = await compile(`
receivers: {in: {storage: auth}, in/2: {storage: plain}}
exporters: {out: }
extensions: {auth: , plain: }
service: {extensions: [auth, plain], pipelines: {logs: {receivers: [in, in/2], exporters: [out]}}}`)
    assert.deepEqual(plan.diagnostics, [])
    const node = plan.nodes.get('receiver/in')!
    assert.ok(node.dependsOn.has('extension/auth'))
    assert.ok(node.evaluate(view()).settings)
    const refused = plan.nodes.get('receiver/in/2')!.evaluate(view(new Map([['extension/auth', new Map()]])))
    assert.deepEqual(
      refused.diagnostics.map((d) => d.message),
      ['extension "plain" is not one that others can refer to'],
    )
  })
})

test('A configuration is printed without its secrets', async () => {
  const sources = [
    {
      name: 'test.yaml',
      text: `
receivers: {in: {token: "\${env:TOKEN}", text: "\${env:N}", tokens: {a: b}, count: "\${env:N}", mystery: hush}}
exporters: {foreign: {password: hush, list: [hush, null]}}
service:
  telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {headers: {authorization: hush}}}}}]}}
  pipelines: {logs: {receivers: [in]}}
`,
    },
  ]
  const { root } = await resolveYaml(sources, { TOKEN: 'hush', N: '5' })
  const text = await redactedYaml(root!, probeRegistry)
  assert.ok(!text.includes('hush'), text)
  assert.match(text, /token: "\[REDACTED\]"/)
  assert.match(text, /count: 5/)
  assert.match(text, /receivers:\n\s+- in/)
  const json = JSON.parse(await redactedYaml(root!, probeRegistry, 'json')) as { receivers: unknown }
  assert.deepEqual(json.receivers, {
    in: { token: '[REDACTED]', text: 5, tokens: { a: '[REDACTED]' }, count: 5, mystery: '[REDACTED]' },
  })
})
