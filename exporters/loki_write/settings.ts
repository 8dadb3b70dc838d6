// What users write in a `loki.write` block.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  defineSettings,
  duration,
  int,
  map,
  type SettingsOf,
  string,
  uint,
} from '#component'
import { checkHttpClient, httpClientFields, httpUrl } from '#component/http_client'

const queueConfig = defineSettings({
  capacity: attr(byteSize, 'Compressed requests that wait in memory; more go to disk.', { default: '10MiB' }),
  min_shards: attr(uint, 'Requests under way at once; the lines of a stream stay in order.', { default: 1 }),
  drain_timeout: attr(duration, 'How long a stop may go on sending; the rest stays on disk.', { default: '15s' }),
  block_on_overflow: attr(bool, 'Has no effect: what is too much for memory goes to disk, and then the sender waits.', {
    default: true,
  }),
  disk_limit: attr(byteSize, 'Compressed requests that wait on disk; over it the oldest are dropped. Not in Alloy.', {
    default: '2GiB',
  }),
  spill_after: attr(
    duration,
    'A backend that fails for this long counts as away: what waits goes to disk. Not in Alloy.',
    { default: '5s' },
  ),
  sync_interval: attr(duration, 'While the backend is away, the most that is not safe on disk yet. Not in Alloy.', {
    default: '1s',
  }),
})

const endpoint = defineSettings(
  {
    url: attr(httpUrl, 'Where to send: the push API, `/loki/api/v1/push`.', { required: true }),
    name: attr(string, 'Name of the queue’s directory.', { default: '' }),
    batch_wait: attr(duration, 'How long lines wait for a request to fill up.', { default: '1s' }),
    batch_size: attr(byteSize, 'Bytes of lines in one request, at most (a longer line goes alone; 0: each does).', {
      default: '1MiB',
    }),
    remote_timeout: attr(duration, 'How long a request may take.', { default: '10s' }),
    headers: attr(map(string), 'Headers to send with every request.', { default: {} }),
    min_backoff_period: attr(duration, 'The first wait after a failure; it doubles with every further one.', {
      default: '500ms',
    }),
    max_backoff_period: attr(duration, 'The longest wait after a failure.', { default: '5m' }),
    max_backoff_retries: attr(
      int,
      'A request that the backend answered with an error this often is dropped; 0: never. A backend that cannot be reached does not count: what waits for it stays in the queue.',
      { default: 10 },
    ),
    tenant_id: attr(string, 'The tenant (X-Scope-OrgID) of lines without the label `__tenant_id__`.', { default: '' }),
    retry_on_http_429: attr(bool, 'Try again when the backend says that there are too many requests.', {
      default: true,
    }),
    ...httpClientFields(),
    queue_config: block(queueConfig, 'The queue in front of the backend.', { whenAbsent: 'defaults' }),
  },
  {
    check: (s, report) => {
      checkHttpClient(s, report)
      for (const name of s.headers.keys()) {
        if (!/^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$/.test(name)) {
          report(`invalid header name: current value is ${JSON.stringify(name)}`, ['headers', name])
        }
      }
    },
  },
)

const walFields = {
  enabled: attr(bool, 'A line counts as taken only once it is on disk, and synced.', { default: false }),
  max_segment_age: attr(duration, 'Has no effect: see `disk_limit` of `queue_config`.', { default: '1h' }),
  min_read_frequency: attr(duration, 'Has no effect: the log is read when there is something in it.', {
    default: '250ms',
  }),
  max_read_frequency: attr(duration, 'Has no effect: the log is read when there is something in it.', {
    default: '1s',
  }),
  drain_timeout: attr(duration, 'How long a stop may go on sending; the rest stays on disk.', { default: '30s' }),
}
const wal = defineSettings(walFields, {
  check({ min_read_frequency: least, max_read_frequency: most }, report) {
    if (least >= most) report('min_read_frequency must be lower than max_read_frequency', ['min_read_frequency'])
  },
})

export const lokiWriteSettings = defineSettings(
  {
    external_labels: attr(map(string), 'Labels to add to every stream that has not got them.', { default: {} }),
    max_streams: attr(int, 'Streams in one request, at most; lines of further ones are dropped. 0: any number.', {
      default: 0,
    }),
    endpoint: blocks(endpoint, 'Where to send; every endpoint gets everything.'),
    wal: block(wal, 'Keeping lines on disk before they are sent.', { whenAbsent: 'defaults' }),
  },
  {
    check: (s, report) => {
      const seen = new Set<string>()
      s.endpoint.forEach(({ name }, i) => {
        if (name !== '' && seen.has(name))
          report(`found duplicate endpoint name ${JSON.stringify(name)}`, ['endpoint', i, 'name'])
        seen.add(name)
      })
    },
  },
)

export type LokiWriteSettings = SettingsOf<typeof lokiWriteSettings>
export type EndpointSettings = LokiWriteSettings['endpoint'][number]
