// Promtail's configuration to Alloy's language: discovery and sources, stages, and writing to Loki.
import { entryRange, isNull, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { type AlloyBlock, attribute, block, listLiteral, numbered } from './document.ts'
import { clientRules, readClient } from './http.ts'
import { JobConverter, type Shared } from './promtail_sources.ts'
import type { Rules, Writer } from './writer.ts'

const rootKeys = [
  'server',
  'client',
  'clients',
  'positions',
  'scrape_configs',
  'target_config',
  'limits_config',
  'options',
  'global',
  'tracing',
  'wal',
]
const defaultPositions = '/var/log/positions.yaml'

/** Convert the map of a whole file. `prefix`: of labels, where a file holds several configurations. */
export async function convertPromtail(writer: Writer, root: YamlMap, prefix = ''): Promise<AlloyBlock[]> {
  writer.unknownKeys(root, rootKeys, 'the configuration')
  checkServer(writer, root)
  const maps = writer.maps(root.entries.get('clients'))
  const single = writer.map(root.entries.get('client'))
  const clients = single?.entries.has('url') ? [...maps, single] : maps
  const label = prefix === '' ? 'default' : prefix
  const limits = writer.map(root.entries.get('limits_config'))
  const writes: AlloyBlock[] = []
  for (const [i, client] of clients.entries()) writes.push(await lokiWrite(writer, client, numbered(label, i), limits))
  const shared: Shared = {
    forwardTo: listLiteral(writes.map((one) => `loki.write.${one.label}.receiver`)),
    prefix,
    ...positionsFile(writer, root),
    ...(await fileSettings(writer, root)),
    limits: limits ? limitStages(writer, limits) : [],
  }
  const blocks: AlloyBlock[] = []
  for (const job of writer.maps(root.entries.get('scrape_configs'))) {
    blocks.push(...(await new JobConverter(writer, job, shared).convert()))
  }
  if (blocks.some(({ name }) => name === 'loki.source.file' || name === 'loki.source.journal')) {
    const message = `positions are taken over from ${shared.positions} at the first start, and then kept under the storage path`
    writer.report('info', root.entries.get('positions')?.keyRange, message)
  }
  return [...blocks, ...writes]
}

function checkServer(writer: Writer, root: YamlMap): void {
  const wal = writer.map(root.entries.get('wal'))?.entries.get('enabled')
  if (wal && isTrue(wal.value)) writer.lacks(entryRange(wal), '"wal"')
  const stdin = writer.map(root.entries.get('target_config'))?.entries.get('stdin')
  if (stdin && isTrue(stdin.value)) writer.lacks(entryRange(stdin), '"stdin"', 'lines come from files and listeners')
  const tracing = writer.map(root.entries.get('tracing'))?.entries.get('enabled')
  if (tracing && isTrue(tracing.value)) {
    writer.report('warning', entryRange(tracing), 'tracing is not converted: its settings are in the environment')
  }
  const server = writer.map(root.entries.get('server'))
  const metrics = server?.entries.get('register_instrumentation')
  if (!metrics || !isFalse(metrics.value)) {
    const message = "Promtail's own metrics have other names here: dashboards and alerts on them have to change"
    writer.report('warning', metrics && entryRange(metrics), message)
  }
  for (const entry of server?.entries.values() ?? []) {
    if (isNull(entry.value)) continue
    switch (entry.key) {
      case 'profiling_enabled':
        if (isTrue(entry.value)) writer.report('warning', entryRange(entry), 'profiles are those of the admin server')
        break
      case 'log_level':
        if (entry.value.kind === 'scalar' && entry.value.text !== 'info') {
          writer.report(
            'warning',
            entryRange(entry),
            'the level of own log lines is not converted: see the logging block',
          )
        }
        break
      case 'http_path_prefix':
        writer.lacks(entryRange(entry), '"http_path_prefix"', '--server.http.ui-path-prefix is where pages are')
        break
      case 'health_check_target':
        if (isFalse(entry.value))
          writer.report('warning', entryRange(entry), 'there is no check of targets to switch off')
        break
      case 'register_instrumentation':
      case 'disable':
        break
      default:
        writer.report('warning', entryRange(entry), `the server's ${entry.key} is not converted: see solder run --help`)
    }
  }
}

function isFalse(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === false
}

function isTrue(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === true
}

function positionsFile(writer: Writer, root: YamlMap): Pick<Shared, 'positions' | 'positionsGiven'> {
  const entry = root.entries.get('positions')
  const map = writer.map(entry)
  if (map) writer.unknownKeys(map, ['filename', 'sync_period', 'ignore_invalid_yaml'], 'positions')
  const file = map?.entries.get('filename')?.value
  const isGiven = file?.kind === 'scalar' && !isNull(file)
  return { positions: isGiven ? file.text : defaultPositions, positionsGiven: isGiven }
}

async function fileSettings(writer: Writer, root: YamlMap): Promise<Pick<Shared, 'fileMatch' | 'fileWatch'>> {
  const schema = await writer.schema('loki.source.file')
  const match = schema?.fields['file_match']
  const watch = schema?.fields['file_watch']
  const target = writer.map(root.entries.get('target_config'))
  const global = writer.map(writer.map(root.entries.get('global'))?.entries.get('file_watch_config'))
  return {
    fileMatch: target && match?.kind === 'block' ? writer.body(match.schema, target, { stdin: null }) : [],
    fileWatch: global && watch?.kind === 'block' ? writer.body(watch.schema, global) : [],
  }
}

const rateKeys = ['readline_rate_enabled', 'readline_rate', 'readline_burst', 'readline_rate_drop']
const limitKeys = [...rateKeys, 'max_streams', 'max_line_size', 'max_line_size_truncate']

function limitStages(writer: Writer, limits: YamlMap): AlloyBlock[] {
  writer.unknownKeys(limits, limitKeys, 'limits_config')
  const stages: AlloyBlock[] = []
  const given = (key: string, type: string, preset: string): string => {
    const entry = limits.entries.get(key)
    return (entry && writer.expression(type, entry.value)) ?? preset
  }
  const enabled = limits.entries.get('readline_rate_enabled')
  if (enabled && isTrue(enabled.value)) {
    const message = 'the limit on lines holds for every scrape config of its own, no longer for all together'
    writer.report('warning', entryRange(enabled), message)
    stages.push(
      block(
        'stage.limit',
        undefined,
        attribute('rate', given('readline_rate', 'float', '10000')),
        attribute('burst', given('readline_burst', 'int', '10000')),
        attribute('drop', given('readline_rate_drop', 'bool', 'true')),
      ),
    )
  }
  const size = given('max_line_size', 'bytes', '"0B"')
  if (!/^"0[A-Za-z]*"$/.test(size)) {
    stages.push(
      given('max_line_size_truncate', 'bool', 'false') === 'true'
        ? block('stage.truncate', undefined, block('rule', undefined, attribute('limit', size)))
        : block('stage.drop', undefined, attribute('longer_than', size)),
    )
  }
  return stages
}

/** `loki.write` for one client: each has labels of its own. */
async function lokiWrite(
  writer: Writer,
  client: YamlMap,
  label: string,
  limits: YamlMap | undefined,
): Promise<AlloyBlock> {
  const schema = await writer.schema('loki.write')
  const endpoint = schema?.fields['endpoint']
  if (endpoint?.kind !== 'blocks') throw new Error('Cannot convert a client: there is no loki.write')
  const backoff = writer.map(client.entries.get('backoff_config'))
  const rules: Rules = {
    batchwait: 'batch_wait',
    batchsize: 'batch_size',
    timeout: 'remote_timeout',
    backoff_config: () =>
      backoff
        ? writer.body(endpoint.schema, backoff, {
            min_period: 'min_backoff_period',
            max_period: 'max_backoff_period',
            max_retries: 'max_backoff_retries',
          })
        : [],
    drop_rate_limited_batches: ({ value }) => (isTrue(value) ? [attribute('retry_on_http_429', 'false')] : []),
    external_labels: null,
    stream_lag_labels: null,
    ...clientRules,
  }
  const labels = client.entries.get('external_labels')
  const external = labels && writer.expression('map(string)', labels.value)
  const streams = limits?.entries.get('max_streams')
  const max = streams && writer.expression('int', streams.value)
  return block(
    'loki.write',
    label,
    block('endpoint', undefined, ...writer.body(endpoint.schema, readClient(client), rules)),
    attribute('external_labels', external ?? '{}'),
    max === undefined || max === '0' ? undefined : attribute('max_streams', max),
  )
}
