// Ids of components and pipelines: `type` or `type/name`.

export interface ComponentId {
  readonly type: string
  /** Empty where there is none. */
  readonly name: string
}

const typePattern = /^[a-zA-Z][0-9a-zA-Z_]{0,62}$/
const nameLengthMax = 1024

/** Throws an error that says why the text is no id. */
export function parseId(text: string): ComponentId {
  const cut = text.indexOf('/')
  const type = (cut < 0 ? text : text.slice(0, cut)).trim()
  const name = cut < 0 ? '' : text.slice(cut + 1).trim()
  const wrong = (why: string): Error => new Error(`"${text}" is no id of the form type or type/name: ${why}`)
  if (type === '') throw wrong(cut < 0 ? 'it must not be empty' : 'the part before / must not be empty')
  if (cut >= 0 && name === '') throw wrong('the part after / must not be empty')
  if (!typePattern.test(type)) throw wrong('the type is a letter, then letters, digits or _, at most 63')
  if (name.length > nameLengthMax) throw wrong(`the name is longer than ${nameLengthMax} characters`)
  if (/[\p{Z}\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{S}]/u.test(name))
    throw wrong('the name has spaces, symbols or control characters')
  return { type, name }
}

export function idText(id: ComponentId): string {
  return id.name === '' ? id.type : `${id.type}/${id.name}`
}
