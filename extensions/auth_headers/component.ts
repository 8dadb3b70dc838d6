// otelcol.auth.headers and the YAML extension headers_setter: sets headers of exporters from values and client contexts.
import { readFileSync } from 'node:fs'
import {
  attr,
  blocks,
  Capsule,
  type Component,
  type ComponentDefinition,
  customType,
  defineSettings,
  type Host,
  optionalSecret,
  type OptionalSecret,
  type Report,
  string,
  ValueError,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { type ClientAuth, type Headers, type OtelExtension, otelHandler } from '#component/otel_extension'
import type { ClientContext } from '#pdata'

const actions = ['insert', 'update', 'upsert', 'delete'] as const
type Action = (typeof actions)[number]

const action = customType<Action>({
  name: 'string',
  zero: 'upsert',
  decode(value) {
    const text = string.decode(value)
    if (text === '') return 'upsert'
    const found = actions.find((one) => one === text)
    if (!found) throw new ValueError(`action must be set to one of ${actions.join(', ')}, got ${JSON.stringify(text)}`)
    return found
  },
  accepts: string.accepts,
  json: { enum: actions },
})

const header = defineSettings(
  {
    key: attr(string, 'Name of the header.', { required: true }),
    action: attr(action, '`insert` (where it is not there), `update` (where it is), `upsert` or `delete`.', {
      default: 'upsert',
    }),
    value: attr(optionalSecret, 'Its value.'),
    value_file: attr(string, 'File with its value; read again for every request.', { default: '' }),
    from_context: attr(string, 'Metadata of the client, by name, whose value it gets.', { default: '' }),
    from_attribute: attr(string, 'What authentication found out, by attribute name.', { default: '' }),
    default_value: attr(optionalSecret, 'Its value where the context has none.'),
  },
  {
    check: (s, report: Report) => {
      if (s.key === '') report('missing header name', ['key'])
      if (s.action === 'delete') return
      const sources = [s.value !== undefined, s.value_file !== '', s.from_context !== '', s.from_attribute !== '']
      const count = sources.filter(Boolean).length
      if (count === 0) report('missing header source: give one of value, value_file, from_context, from_attribute')
      if (count > 1) report('invalid header source: give only one of value, value_file, from_context, from_attribute')
    },
  },
)

interface HeaderSettings {
  readonly key: string
  readonly action: Action
  readonly value: OptionalSecret | undefined
  readonly value_file: string
  readonly from_context: string
  readonly from_attribute: string
  readonly default_value: OptionalSecret | undefined
}

const alloySettings = defineSettings({
  header: blocks(header, 'A header.'),
  ...debugMetricsField,
})
const yamlSettings = defineSettings({
  headers: blocks(header, 'Headers.'),
  additional_auth: attr(otelHandler, 'Authenticates the request before the headers are set.'),
})

function valueOf(settings: HeaderSettings, context: ClientContext | null): string | undefined {
  if (settings.value) return settings.value.reveal()
  if (settings.value_file !== '') return readFileSync(settings.value_file, 'utf8').trim()
  const fallback = settings.default_value?.reveal()
  if (settings.from_context !== '') return context?.metadata.get(settings.from_context.toLowerCase())?.[0] ?? fallback
  const found = context?.auth?.get(settings.from_attribute)
  return typeof found === 'string' ? found : fallback
}

function create(host: Host, settings: readonly HeaderSettings[], additional: ClientAuth | undefined): Component<never> {
  const apply = (present: Headers, context: ClientContext | null): Headers => {
    const headers: Record<string, string> = { ...present }
    for (const one of settings) {
      const key = one.key.toLowerCase()
      const exists = headers[key] !== undefined
      if (one.action === 'delete') delete headers[key]
      else if ((one.action !== 'insert' || !exists) && (one.action !== 'update' || exists)) {
        const value = valueOf(one, context)
        if (value !== undefined) headers[key] = value
      }
    }
    return headers
  }
  const extension: OtelExtension = {
    id: host.id,
    clientAuth: {
      headers: async (context, present) =>
        apply(additional ? await additional.headers(context, present) : present, context),
    },
  }
  host.setExports({ handler: new Capsule('otelcol.Handler', extension) })
  return { stop() {} }
}

export const otelcolAuthHeaders: ComponentDefinition = {
  name: 'otelcol.auth.headers',
  stability: 'generally-available',
  doc: 'Sets headers of requests that exporters make, from values or from the clients of receivers.',
  exports: { handler: { type: 'otelcol.Handler', doc: 'What `auth` settings refer to.' } },
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => create(host, (settings as { header: readonly HeaderSettings[] }).header, undefined),
}

export const headersSetterExtension: YamlDefinition = {
  kind: 'extension',
  types: ['headers_setter'],
  stability: 'generally-available',
  doc: 'Sets headers of requests that exporters make, from values or from the clients of receivers.',
  signals: [],
  stateless: true,
  settings: yamlSettings,
  create(host, from) {
    const { headers, additional_auth } = from as {
      headers: readonly HeaderSettings[]
      additional_auth: OtelExtension | undefined
    }
    return create(host, headers, additional_auth?.clientAuth)
  },
}
