// Expands `${VARIABLE}` in a text before it is read, as Grafana Agent does with `-config.expand-env`.

export interface Expanded {
  readonly text: string
  /** References that cannot be read, as they are written. */
  readonly unknown: readonly string[]
}

/** `$$` is a dollar sign; everything else that is no reference in braces stays as it is. */
export function expandEnvironment(text: string, environment: Readonly<Record<string, string | undefined>>): Expanded {
  const unknown: string[] = []
  const out = text.replaceAll(/\$\$|\$\{([^{}]*)\}/g, (whole, inner: string | undefined) => {
    if (inner === undefined) return '$'
    const value = valueOf(inner, environment)
    if (value === undefined) unknown.push(whole)
    return value ?? whole
  })
  return { text: out, unknown }
}

/** Undefined: not understood. */
function valueOf(inner: string, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const length = /^#(\w+)$/.exec(inner)
  if (length) return String((environment[length[1] as string] ?? '').length)
  const [, name, rest = ''] = /^(\w+)(.*)$/s.exec(inner) ?? []
  if (name === undefined) return undefined
  const value = environment[name] ?? ''
  if (rest === '') return value
  const otherwise = /^:?[-=](.*)$/s.exec(rest)
  if (otherwise) return value === '' ? (otherwise[1] as string) : value
  const part = /^:(\d+)(?::(\d+))?$/.exec(rest)
  if (part) {
    const start = Number(part[1])
    return part[2] === undefined ? value.slice(start) : value.slice(start, start + Number(part[2]))
  }
  switch (rest) {
    case '^^':
      return value.toUpperCase()
    case ',,':
      return value.toLowerCase()
    case '^':
      return value.charAt(0).toUpperCase() + value.slice(1)
    case ',':
      return value.charAt(0).toLowerCase() + value.slice(1)
    default:
      return undefined
  }
}
