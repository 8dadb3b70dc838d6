// Reads command lines as Alloy's does (pflag): `--flag=value`, `--flag value`, booleans without value, short forms.

export interface FlagSpec {
  readonly name: string
  readonly short?: string
  readonly kind: 'string' | 'bool' | 'number' | 'duration'
  readonly default: string | boolean | number
  readonly doc: string
  /** Accepted and without effect here; says why. */
  readonly inert?: string
  readonly experimental?: boolean
}

export type FlagValues = ReadonlyMap<string, string | boolean | number>

export interface ParsedFlags {
  readonly values: FlagValues
  readonly given: ReadonlySet<string>
  readonly rest: readonly string[]
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws `UsageError`. Flags and positional arguments may stand in any order; `--` ends the flags. */
export function parseFlags(args: readonly string[], specs: readonly FlagSpec[]): ParsedFlags {
  const values = new Map<string, string | boolean | number>(specs.map((s) => [s.name, s.default]))
  const given = new Set<string>()
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (arg === '--') {
      rest.push(...args.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg)
      continue
    }
    const [head, inline] = cut(arg)
    const spec = specs.find((s) => head === `--${s.name}` || (s.short !== undefined && head === `-${s.short}`))
    if (!spec) throw new UsageError(`unknown flag: ${head}`)
    let text = inline
    if (text === undefined && spec.kind === 'bool') text = 'true'
    if (text === undefined) {
      text = args[++i]
      if (text === undefined) throw new UsageError(`flag needs an argument: ${head}`)
    }
    values.set(spec.name, convert(spec, text))
    given.add(spec.name)
  }
  return { values, given, rest }
}

function cut(arg: string): [string, string | undefined] {
  const at = arg.indexOf('=')
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)]
}

function convert(spec: FlagSpec, text: string): string | boolean | number {
  switch (spec.kind) {
    case 'bool':
      if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
      if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
      throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--${spec.name}" flag: not a boolean`)
    case 'number':
      if (!/^-?\d+$/.test(text)) {
        throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--${spec.name}" flag: not a whole number`)
      }
      return Number(text)
    case 'duration':
    case 'string':
      return text
  }
}

/** The flags as the help page shows them. */
export function flagsText(specs: readonly FlagSpec[]): string {
  const rows = specs.map((s) => {
    const value = s.kind === 'bool' ? '' : ` ${s.kind}`
    return [`  ${s.short ? `-${s.short}, ` : '    '}--${s.name}${value}`, s] as const
  })
  const width = Math.max(...rows.map(([head]) => head.length)) + 3
  return rows
    .map(([head, s]) => {
      const preset = s.default === '' || s.default === false ? '' : ` (default ${JSON.stringify(s.default)})`
      return `${head.padEnd(width)}${s.doc}${preset}${s.inert ? ` [${s.inert}]` : ''}`
    })
    .join('\n')
}
