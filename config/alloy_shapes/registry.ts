// The components of this build and, as far as a check of what was converted needs them, those that only Alloy has.
import type { ComponentDefinition, Settings } from '#component'
import type { ComponentRegistry } from '../plan.ts'
import { absentComponents } from './catalog.ts'

/** `registry` with components that can be checked but not run. */
export function registryWithAbsent(registry: ComponentRegistry): ComponentRegistry {
  return {
    names: () => [...registry.names(), ...absentComponents.keys()],
    yamlNames: () => registry.yamlNames(),
    loadYaml: (kind, type) => registry.loadYaml(kind, type),
    async load(name) {
      const own = await registry.load(name)
      const settings = absentComponents.get(name)
      return own ?? (settings && checkOnly(name, settings))
    },
  }
}

function checkOnly(name: string, settings: Settings<object>): ComponentDefinition {
  const base = {
    name,
    settings,
    stability: 'generally-available',
    doc: '',
    create: (): never => {
      throw new Error(`Cannot make ${name}: this build lacks it`)
    },
  } as const
  if (/^otelcol\.(processor|exporter|connector)\./.test(name)) {
    return { ...base, consumes: ['metrics', 'logs', 'traces'], input: 'otelcol' }
  }
  const given = exportsOf(name)
  return given ? { ...base, exports: { [given[0]]: { type: given[1], doc: '' } } } : base
}

function exportsOf(name: string): readonly [string, string] | undefined {
  if (/^(discovery|prometheus\.exporter)\./.test(name)) return ['targets', 'list(target)']
  if (/^otelcol\.(auth|extension)\./.test(name)) return ['handler', 'otelcol.Handler']
  return undefined
}
