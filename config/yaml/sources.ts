// Reads the configurations that the command line names, in their order, then what `--set` says.
import { dirname, resolve } from 'node:path'
import type { YamlSource } from './compile.ts'
import { configLocation, type Environment, type Location, retrieve, shownUrl } from './providers.ts'

export interface YamlFiles {
  readonly sources: readonly YamlSource[]
  readonly directory: string
}

/**
 * `configs`: what each `--config` says (`file:…`, `env:…`, `yaml:…`, `http:…`, a path); `sets`: what each `--set` says
 * (`processors.batch.timeout=2s`). Rejects with a message that names the place and the cause.
 */
export async function readYamlConfiguration(
  configs: readonly string[],
  sets: readonly string[],
  environment: Environment,
): Promise<YamlFiles> {
  const sources: YamlSource[] = []
  let directory = '.'
  for (const [index, config] of configs.entries()) {
    const location = configLocation(config)
    if (location.scheme === 'file' && index === 0) directory = dirname(location.value)
    const { text } = await retrieve(location, environment)
    sources.push({ name: nameOf(location, index, config), text })
  }
  for (const set of sets) sources.push(setSource(set))
  return { sources, directory: resolve(directory) }
}

/** What positions in the text are shown with. */
function nameOf({ scheme, value }: Location, index: number, config: string): string {
  switch (scheme) {
    case 'file':
      return value
    case 'yaml':
      return `--config[${index}]`
    case 'http':
    case 'https':
      return shownUrl(config)
    default:
      return config
  }
}

/** `a.b.c=value` as the YAML it stands for. Throws where there is no equal sign. */
export function setSource(set: string): YamlSource {
  const cut = set.indexOf('=')
  if (cut < 0) throw new Error(`invalid value ${JSON.stringify(set)} for flag --set: missing equal sign`)
  const key = set.slice(0, cut).trim().replaceAll('.', '::')
  return { name: `--set ${set.slice(0, cut).trim()}`, text: `${key}: ${set.slice(cut + 1).trim()}` }
}
