// otelcol.auth.bearer and the YAML extension bearertokenauth: a token in a header, for clients and servers.
import { readFileSync } from 'node:fs'
import {
  attr,
  Capsule,
  type Component,
  type ComponentDefinition,
  defineSettings,
  type Host,
  list,
  type Secret,
  secret,
  SettingsError,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { AuthError, type OtelExtension } from '#component/otel_extension'
import { sameText } from '#lib/same_text'

const fields = {
  header: attr(string, 'The header that carries the token.', { default: 'Authorization' }),
  scheme: attr(string, 'What stands before the token.', { default: 'Bearer' }),
}

const alloySettings = defineSettings({
  ...fields,
  token: attr(secret, 'The token.', { required: true }),
  ...debugMetricsField,
})

const yamlSettings = defineSettings({
  ...fields,
  token: attr(secret, 'The token.'),
  tokens: attr(list(secret), 'Tokens that servers let in; clients send the first.', { default: [] }),
  filename: attr(string, 'File with tokens, one a line; read again when it changed.', { default: '' }),
})

interface BearerSettings {
  readonly header: string
  readonly scheme: string
  readonly tokens: readonly Secret[]
  readonly filename: string
}

function create(host: Host, settings: BearerSettings): Component<never> {
  const header = settings.header.toLowerCase()
  const tokens = (): readonly string[] => {
    if (settings.filename === '') return settings.tokens.map((token) => token.reveal())
    const lines = readFileSync(settings.filename, 'utf8').split('\n')
    return lines.map((line) => line.trim()).filter((line) => line !== '')
  }
  const withScheme = (token: string): string => (settings.scheme === '' ? token : `${settings.scheme} ${token}`)
  try {
    tokens()
  } catch (error) {
    throw new SettingsError(`Cannot read the tokens: ${(error as Error).message}`, ['filename'])
  }
  const extension: OtelExtension = {
    id: host.id,
    clientAuth: { headers: (_, present) => ({ ...present, [header]: withScheme(tokens()[0] ?? '') }) },
    serverAuth: {
      authenticate(headers) {
        const given = headers[header]
        const value = (typeof given === 'string' ? given : given?.[0]) ?? ''
        if (value === '') throw new AuthError(`missing or empty authorization header: ${settings.header}`)
        if (!tokens().some((token) => sameText(value, withScheme(token)))) {
          throw new AuthError(`provided authorization does not match expected scheme or token`)
        }
        return new Map<string, unknown>([['raw', value]])
      },
    },
  }
  host.setExports({ handler: new Capsule('otelcol.Handler', extension) })
  return { stop() {} }
}

export const otelcolAuthBearer: ComponentDefinition = {
  name: 'otelcol.auth.bearer',
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters, and of clients to receivers, by a token.',
  exports: { handler: { type: 'otelcol.Handler', doc: 'What `auth` settings refer to.' } },
  stateless: true,
  settings: alloySettings,
  create(host, from) {
    const { header, scheme, token } = from as { header: string; scheme: string; token: Secret }
    return create(host, { header, scheme, tokens: [token], filename: '' })
  },
}

export const bearerTokenAuthExtension: YamlDefinition = {
  kind: 'extension',
  types: ['bearertokenauth'],
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters, and of clients to receivers, by a token.',
  signals: [],
  stateless: true,
  settings: yamlSettings,
  create(host, from) {
    const s = from as BearerSettings & { token: Secret | undefined }
    const tokens = s.tokens.length > 0 ? s.tokens : s.token ? [s.token] : []
    if (tokens.length === 0 && s.filename === '') throw new SettingsError('no bearer token provided')
    if (s.token && s.tokens.length > 0) {
      throw new SettingsError('either tokens or token should be provided, not both', ['tokens'])
    }
    return create(host, { header: s.header, scheme: s.scheme, tokens, filename: s.filename })
  },
}
