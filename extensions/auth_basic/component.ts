// otelcol.auth.basic and the YAML extension basicauth: user name and password, for clients and servers.
import { readFileSync } from 'node:fs'
import {
  attr,
  block,
  Capsule,
  type Component,
  type ComponentDefinition,
  defineSettings,
  type Host,
  type Secret,
  secret,
  SettingsError,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { AuthError, type ClientAuth, type OtelExtension, type ServerAuth } from '#component/otel_extension'
import { parseHtpasswd, passwordMatches } from './htpasswd.ts'

const htpasswd = defineSettings({
  file: attr(string, 'File in the format of htpasswd.', { default: '' }),
  inline: attr(string, 'Lines as such a file has them.', { default: '' }),
})

const clientAuth = defineSettings({
  username: attr(string, 'User name.', { default: '' }),
  username_file: attr(string, 'File with the user name; read again for every request.', { default: '' }),
  password: attr(secret, 'Password.'),
  password_file: attr(string, 'File with the password; read again for every request.', { default: '' }),
})

const blocks = {
  client_auth: block(clientAuth, 'What exporters authenticate with.'),
  htpasswd: block(htpasswd, 'Whom receivers let in.'),
}

const alloySettings = defineSettings({
  username: attr(string, 'User name, of clients and for servers. Deprecated: use the blocks.', { default: '' }),
  password: attr(secret, 'Password. Deprecated: use the blocks.'),
  ...blocks,
  ...debugMetricsField,
})
const yamlSettings = defineSettings(blocks)

interface BasicSettings {
  readonly client_auth:
    | {
        readonly username: string
        readonly username_file: string
        readonly password: Secret | undefined
        readonly password_file: string
      }
    | undefined
  readonly htpasswd: { readonly file: string; readonly inline: string } | undefined
}

/** Files hold a line; the end of it is not part of what is meant. */
function fromFile(path: string): string {
  return readFileSync(path, 'utf8').trim()
}

function clientOf(settings: BasicSettings['client_auth']): ClientAuth | undefined {
  if (!settings) return undefined
  return {
    headers(_, present) {
      const user = settings.username_file === '' ? settings.username : fromFile(settings.username_file)
      const password =
        settings.password_file === '' ? (settings.password?.reveal() ?? '') : fromFile(settings.password_file)
      return { ...present, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
    },
  }
}

class HtpasswdAuth implements ServerAuth {
  readonly #users: ReadonlyMap<string, string>

  constructor(text: string) {
    this.#users = parseHtpasswd(text)
  }

  async authenticate(headers: Readonly<Record<string, string | readonly string[] | undefined>>) {
    const given = headers['authorization']
    const header = (typeof given === 'string' ? given : given?.[0]) ?? ''
    const m = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header)
    if (!m) throw new AuthError('no basic auth provided', 'Basic')
    const raw = m[1] as string
    const [user = '', ...rest] = Buffer.from(raw, 'base64').toString().split(':')
    const hash = this.#users.get(user)
    // A user who is not there costs a look at a password too.
    const matches = await passwordMatches(rest.join(':'), hash ?? '*')
    if (hash === undefined || !matches) throw new AuthError('invalid credentials', 'Basic')
    return new Map<string, unknown>([
      ['username', user],
      ['raw', raw],
    ])
  }
}

/** Throws `SettingsError`. */
function serverOf(settings: BasicSettings['htpasswd'], more: string): ServerAuth | undefined {
  if (!settings && more === '') return undefined
  try {
    const texts = [settings?.file ? readFileSync(settings.file, 'utf8') : '', settings?.inline ?? '', more]
    return new HtpasswdAuth(texts.join('\n'))
  } catch (error) {
    throw new SettingsError(`Cannot use htpasswd: ${(error as Error).message}`, ['htpasswd'])
  }
}

function create(host: Host, settings: BasicSettings, moreUsers: string): Component<never> {
  const client = clientOf(settings.client_auth)
  const server = serverOf(settings.htpasswd, moreUsers)
  if (!client && !server)
    throw new SettingsError('no credential source provided: neither client_auth nor htpasswd is there')
  const extension: OtelExtension = {
    id: host.id,
    ...(client ? { clientAuth: client } : {}),
    ...(server ? { serverAuth: server } : {}),
  }
  host.setExports({ handler: new Capsule('otelcol.Handler', extension) })
  return { stop() {} }
}

export const otelcolAuthBasic: ComponentDefinition = {
  name: 'otelcol.auth.basic',
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters, and of clients to receivers, by user name and password.',
  exports: { handler: { type: 'otelcol.Handler', doc: 'What `auth` settings refer to.' } },
  stateless: true,
  settings: alloySettings,
  create(host, from) {
    const settings = from as BasicSettings & { username: string; password: Secret | undefined }
    const { username, password } = settings
    const plain = username !== '' || password !== undefined
    const client_auth =
      settings.client_auth ?? (plain ? { username, password, username_file: '', password_file: '' } : undefined)
    const moreUsers = plain ? `${username}:${password?.reveal() ?? ''}` : ''
    return create(host, { client_auth, htpasswd: settings.htpasswd }, moreUsers)
  },
}

export const basicAuthExtension: YamlDefinition = {
  kind: 'extension',
  types: ['basicauth'],
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters, and of clients to receivers, by user name and password.',
  signals: [],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings) => create(host, settings as BasicSettings, ''),
}
