// The type of settings that say where a backend is.
import { customType, string, type Type, ValueError } from '#component'

/** An `http://` or `https://` URL. */
export const httpUrl: Type<URL> = customType<URL>({
  name: 'string',
  zero: new URL('http://localhost'),
  decode(value) {
    const text = string.decode(value)
    const parsed = URL.parse(text)
    if (!parsed) throw new ValueError(`Cannot use the URL: it is not one: ${JSON.stringify(text)}`)
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
      throw new ValueError(`Cannot use the URL: it must begin with http:// or https://: ${JSON.stringify(text)}`)
    }
    return parsed
  },
  accepts: string.accepts,
  json: { type: 'string', format: 'uri' },
})
