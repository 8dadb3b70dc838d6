// The collector's command line, as a process of its own.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { freePort } from '#component/test_host'
import { isCollectorFlag, parseCollectorFlags } from './collector_flags.ts'

const main = join(import.meta.dirname, 'main.ts')
const directory = await mkdtemp(join(tmpdir(), 'solder-collector-cli-'))
const children: ChildProcess[] = []
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(directory, { recursive: true })
})

const env = { ...process.env, SECRET: 'hush', LIMIT: '100' }

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(...args: readonly string[]): {
  child: ChildProcess
  ended: Promise<Ended>
  saw(what: RegExp): Promise<void>
} {
  const child = spawn(process.execPath, [main, ...args], { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const saw = async (what: RegExp): Promise<void> => {
    while (!what.test(stderr)) {
      const over = await Promise.race([ended, once(child.stderr, 'data')])
      if (!Array.isArray(over) && !what.test(stderr)) throw new Error(`never said ${what.source}: ${stderr}`)
    }
  }
  return { child, ended, saw }
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

const sound = `
receivers: {nop: }
processors: {batch: {timeout: 1s}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [nop], processors: [batch], exporters: [nop]}}
`

describe("The collector's command line", () => {
  test('runs a configuration until it is asked to stop, and reloads it', async () => {
    const path = await file('run.yaml', sound)
    const { child, ended, saw } = start(`--config=${path}`, '--set=processors.batch.timeout=2s', '--feature-gates=x')
    await saw(/Everything is ready/)
    await writeFile(path, sound.replace('level: none', 'level: nothing'))
    child.kill('SIGHUP')
    await saw(/Cannot reload the configuration/)
    await writeFile(path, sound.replace('batch: {timeout: 1s}', 'batch: {send_batch_size: 5}'))
    child.kill('SIGHUP')
    await saw(/Reloaded the configuration/)
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    assert.equal(code, 0)
    assert.match(stderr, /"level" should be one of none, basic, normal, detailed, got "nothing"/)
    assert.match(stderr, /\tinfo\tStopping\t\{"resource":\{[^}]*\},"signal":"SIGTERM"\}\n/)
  })

  test('writes log lines where the configuration says', async () => {
    const log = join(directory, 'out.log')
    const path = await file(
      'logs.yaml',
      sound.replace(
        'telemetry: {',
        `telemetry: {logs: {encoding: json, output_paths: ["${log}"], initial_fields: {a: b}}, `,
      ),
    )
    const { child, ended } = start('--config', path)
    const lines = async (): Promise<string> => readFile(log, 'utf8').catch(() => '')
    while (!/Everything is ready/.test(await lines())) {
      const over = await Promise.race([ended, new Promise<undefined>((resolve) => setTimeout(resolve, 20, undefined))])
      if (over) throw new Error(over.stderr)
    }
    child.kill('SIGTERM')
    await ended
    const first = JSON.parse((await lines()).split('\n')[0] ?? '') as Record<string, unknown>
    assert.deepEqual([first['level'], first['a']], ['info', 'b'])
  })

  test('thins out log lines that repeat, and names the process in each', async () => {
    const port = await freePort()
    const path = await file(
      'sampled.yaml',
      `
receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:${port}}}}}
processors: {attributes: {actions: [{key: a, value: b, action: insert}]}}
exporters: {debug: {sampling_initial: 1000}}
service:
  telemetry:
    metrics: {level: none}
    resource: {service.name: me}
    logs: {encoding: json, sampling: {initial: 2, thereafter: 3, tick: 10m}}
  pipelines: {traces: {receivers: [otlp], processors: [attributes], exporters: [debug]}}
`,
    )
    const admin = await freePort()
    const { child, ended, saw } = start('--config', path, `--server.http.listen-addr=127.0.0.1:${admin}`)
    await saw(/Everything is ready/)
    const body =
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}]}]}]}'
    for (let sent = 0; sent < 9; sent++) {
      const headers = { 'content-type': 'application/json' }
      await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', body, headers })
    }
    const own = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
    assert.match(own, /^otelcol_exporter_sent_spans_total\{exporter="debug"\} 9$/m)
    for (const way of ['incoming', 'outgoing']) {
      const series = new RegExp(
        `^otelcol_processor_${way}_items_total\\{otel_signal="traces",pipeline="traces",processor="attributes"\\} 9$`,
        'm',
      )
      assert.match(own, series)
    }
    assert.equal((await fetch(`http://127.0.0.1:${admin}/-/ready`)).status, 200)
    child.kill('SIGTERM')
    const { stderr } = await ended
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
    const shown = lines.map((line) => JSON.parse(line) as { msg: string; resource: Record<string, string> })
    assert.equal(shown.filter(({ msg }) => msg === 'Traces').length, 4)
    assert.ok(shown.every(({ resource }) => resource['service.name'] === 'me' && resource['service.instance.id']))
  })

  test('says what is wrong, and ends', async () => {
    const path = await file('wrong.yaml', sound.replace('exporters: [nop]', 'exporters: [debugg]'))
    const cases: readonly [readonly string[], RegExp][] = [
      [
        [`--config=${path}`],
        /wrong\.yaml:7:75: pipeline "traces" names exporter "debugg"[^]*Error: the configuration is not valid/,
      ],
      [['validate', `--config=${path}`], /wrong\.yaml:7:75: [^]*Error: validation failed/],
      [['print-config', `--config=${path}`], /Error: invalid configuration/],
      [
        [
          `--config=${path}`,
          '--set=service.telemetry.logs.output_paths=[/nowhere/at/all]',
          '--set=service.pipelines.traces.exporters=[nop]',
        ],
        /Error: Cannot open the log file: ENOENT/,
      ],
      [['--set=a=b'], /Error: at least one config flag must be provided/],
      [[`--config=${path}`, '--set=a'], /missing equal sign/],
      [['--config'], /flag needs an argument: --config/],
      [['--config=none.yaml'], /Error: Cannot read the file none\.yaml: ENOENT/],
      [['--config=s3:bucket'], /its scheme is none of env, file, http, https, yaml/],
      [[`--config=${path}`, '--nothing'], /unknown flag: --nothing/],
      [[`--config=${path}`, 'more'], /unknown command "more"/],
    ]
    const ended = await Promise.all(cases.map(([args]) => start(...args).ended))
    for (const [index, [args, want]] of cases.entries()) {
      assert.equal(ended[index]?.code, 1, args.join(' '))
      assert.match(ended[index]?.stderr ?? '', want)
    }
  })

  test('checks and prints configurations without running them, and lists components', async () => {
    const path = await file('sound.yaml', sound)
    const token = 'yaml:processors::batch::send_batch_size: ${env:LIMIT}'
    const [valid, printed, json, listed] = await Promise.all([
      start('validate', `--config=${path}`, '--config', token).ended,
      start('print-config', `--config=${path}`, '--config', token, '--set=processors.batch.timeout=5s').ended,
      start('print-config', `--config=${path}`, '--format=json').ended,
      start('components', '--otelcol').ended,
    ])
    assert.deepEqual(valid, { code: 0, stdout: '', stderr: '' })
    assert.match(printed.stdout, /batch:\n\s+timeout: 5s\n\s+send_batch_size: 100\n/)
    assert.deepEqual((JSON.parse(json.stdout) as { processors: unknown }).processors, { batch: { timeout: '1s' } })
    assert.match(
      listed.stdout,
      /\nconnectors:\n[^]*- name: forward\n\s+module: [^]*?logs-to-logs: Beta\n\s+logs-to-metrics: Undefined\n/,
    )
    assert.match(listed.stdout, /\nproviders:\n\s+- scheme: env\n/)
  })

  test('takes flags with one dash or two, with an equal sign or without', () => {
    const { configs, sets, featureGates, others } = parseCollectorFlags(
      ['-config=a', '--config', 'b', '--set=x.y=1=2', '-feature-gates', '+a,-b', '--storage.path=p'],
      ['storage.path'],
    )
    assert.deepEqual(
      [configs, sets, featureGates, [...others]],
      [['a', 'b'], ['x.y=1=2'], ['+a,-b'], [['storage.path', 'p']]],
    )
    const asked: readonly [string, boolean][] = [
      ['--config', true],
      ['-config=x', true],
      ['--set=a=b', true],
      ['--configs', false],
      ['--config.format', false],
      ['run', false],
    ]
    for (const [arg, want] of asked) assert.equal(isCollectorFlag(arg), want, arg)
  })
})
