// The stages there are, by the names of their blocks.
import { attr, defineSettings, oneOf, type Settings, string, variants, type VariantsField } from '#component'
import { compileSelector, type Selector, SelectorError } from '#component/logql'
import { DropStage, dropSettings, LimitStage, limitSettings, SamplingStage, samplingSettings } from './drop_stages.ts'
import {
  EventLogMessageStage,
  eventLogMessageSettings,
  WindowsEventStage,
  windowsEventSettings,
} from './event_stages.ts'
import {
  JsonStage,
  jsonSettings,
  LogfmtStage,
  logfmtSettings,
  PatternStage,
  patternSettings,
  RegexStage,
  regexSettings,
} from './extract_stages.ts'
import { type GeoDatabase, type GeoIpSettings, GeoIpStage, geoIpSettings, openDatabase } from './geoip_stage.ts'
import {
  CriStage,
  criSettings,
  DockerStage,
  dockerSettings,
  MultilineStage,
  multilineSettings,
  SplitJsonStage,
  splitJsonSettings,
} from './joining_stages.ts'
import {
  LabelDropStage,
  labelDropSettings,
  LabelKeepStage,
  labelKeepSettings,
  LabelsStage,
  labelsSettings,
  StaticLabelsStage,
  staticLabelsSettings,
  StructuredMetadataDropStage,
  structuredMetadataDropSettings,
  StructuredMetadataStage,
  structuredMetadataSettings,
  TenantStage,
  tenantSettings,
} from './label_stages.ts'
import type { Line } from './line.ts'
import { MetricsStage, metricsSettings } from './metrics_stage.ts'
import { Pipeline } from './pipeline.ts'
import type { Stage, StageContext } from './stage.ts'
import {
  DecolorizeStage,
  decolorizeSettings,
  LuhnStage,
  luhnSettings,
  OutputStage,
  outputSettings,
  PackStage,
  packSettings,
  ReplaceStage,
  replaceSettings,
  TemplateStage,
  templateSettings,
  TruncateStage,
  truncateSettings,
} from './text_stages.ts'
import { TimestampStage, timestampSettings } from './timestamp_stage.ts'

/** A `stage.*` block, decoded. */
export interface StageBlock {
  readonly name: string
  readonly settings: object
}

/** The `stage.*` blocks of a body. */
export const stageBlocks: VariantsField<readonly StageBlock[]> = variants(schemas, 'What is done with lines.')

interface Kind {
  readonly settings: Settings<object>
  readonly make: (settings: object, context: StageContext) => Stage
}

function kind<S extends object>(settings: Settings<S>, make: (settings: S, context: StageContext) => Stage): Kind {
  return { settings: settings as unknown as Settings<object>, make: (given, context) => make(given as S, context) }
}

const matchReason = 'match_stage'

interface MatchSettings {
  readonly selector: string
  readonly action: 'keep' | 'drop'
  readonly drop_counter_reason: string
  readonly stage: readonly StageBlock[]
}

const matchSettings: Settings<MatchSettings> = defineSettings(
  {
    selector: attr(string, 'LogQL: `{app="x"} |= "text"`.', { required: true }),
    action: attr(oneOf('keep', 'drop'), 'Run the stages inside on selected lines, or drop them.', { default: 'keep' }),
    drop_counter_reason: attr(string, 'The reason under which dropped lines are counted.', { default: matchReason }),
    pipeline_name: attr(string, 'Has no effect.', { default: '' }),
    stage: stageBlocks,
  },
  {
    check({ selector, action, stage }, report) {
      if (selector === '') report('selector statement required for match stage', ['selector'])
      else {
        try {
          compileSelector(selector)
        } catch (error) {
          if (!(error instanceof SelectorError)) throw error
          report(`invalid selector syntax for match stage: ${error.message}`, ['selector'])
        }
      }
      if (action === 'keep' && stage.length === 0) {
        report("match stage requires at least one additional stage to be defined in '- stages'")
      }
      if (action === 'drop' && stage.length > 0) {
        report('match stage configured to drop entries cannot contains stages', ['action'])
      }
    },
  },
)

const kinds: Readonly<Record<string, Kind>> = {
  cri: kind(criSettings, (s, c) => new CriStage(s, c)),
  decolorize: kind(decolorizeSettings, () => new DecolorizeStage()),
  docker: kind(dockerSettings, () => new DockerStage()),
  drop: kind(dropSettings, (s, c) => new DropStage(s, c)),
  eventlogmessage: kind(eventLogMessageSettings, (s, c) => new EventLogMessageStage(s, c)),
  geoip: kind(geoIpSettings, (s, c) => new GeoIpStage(s, c.databases.get(s.db) as GeoDatabase)),
  json: kind(jsonSettings, (s, c) => new JsonStage(s, c)),
  label_drop: kind(labelDropSettings, (s) => new LabelDropStage(s)),
  label_keep: kind(labelKeepSettings, (s) => new LabelKeepStage(s)),
  labels: kind(labelsSettings, (s) => new LabelsStage(s)),
  limit: kind(limitSettings, (s, c) => new LimitStage(s, c)),
  logfmt: kind(logfmtSettings, (s) => new LogfmtStage(s)),
  luhn: kind(luhnSettings, (s) => new LuhnStage(s)),
  match: kind(matchSettings, (s, c) => new MatchStage(s, c)),
  metrics: kind(metricsSettings, (s, c) => new MetricsStage(s, c)),
  multiline: kind(multilineSettings, (s, c) => new MultilineStage(s, c)),
  output: kind(outputSettings, (s) => new OutputStage(s)),
  pack: kind(packSettings, (s, c) => new PackStage(s, c)),
  pattern: kind(patternSettings, (s) => new PatternStage(s)),
  regex: kind(regexSettings, (s) => new RegexStage(s)),
  replace: kind(replaceSettings, (s, c) => new ReplaceStage(s, c)),
  sampling: kind(samplingSettings, (s, c) => new SamplingStage(s, c)),
  split_json: kind(splitJsonSettings, (s, c) => new SplitJsonStage(s, c)),
  static_labels: kind(staticLabelsSettings, (s) => new StaticLabelsStage(s)),
  structured_metadata: kind(structuredMetadataSettings, (s) => new StructuredMetadataStage(s)),
  structured_metadata_drop: kind(structuredMetadataDropSettings, (s) => new StructuredMetadataDropStage(s)),
  template: kind(templateSettings, (s, c) => new TemplateStage(s, c)),
  tenant: kind(tenantSettings, (s) => new TenantStage(s)),
  timestamp: kind(timestampSettings, (s, c) => new TimestampStage(s, c)),
  truncate: kind(truncateSettings, (s, c) => new TruncateStage(s, c)),
  windowsevent: kind(windowsEventSettings, (s, c) => new WindowsEventStage(s, c)),
}

const schemaByName: Readonly<Record<string, Settings<object>>> = Object.fromEntries(
  Object.entries(kinds).map(([name, { settings }]) => [name, settings]),
)

function schemas(): Readonly<Record<string, Settings<object>>> {
  return schemaByName
}

/** Opens what `stage.geoip` blocks, also those inside others, look up. Throws `SettingsError`. */
export async function openDatabases(blocks: readonly StageBlock[]): Promise<ReadonlyMap<string, GeoDatabase>> {
  const databases = new Map<string, GeoDatabase>()
  for (const path of databasePaths(blocks)) databases.set(path, await openDatabase(path))
  return databases
}

function databasePaths(blocks: readonly StageBlock[]): Set<string> {
  const paths = new Set<string>()
  for (const { name, settings } of blocks) {
    if (name === 'geoip') paths.add((settings as GeoIpSettings).db)
    if (name === 'match') for (const path of databasePaths((settings as MatchSettings).stage)) paths.add(path)
  }
  return paths
}

export function makeStage({ name, settings }: StageBlock, context: StageContext): Stage {
  return (kinds[name] as Kind).make(settings, context)
}

/** Runs stages on the lines that a selector selects, or drops those lines. */
class MatchStage implements Stage {
  readonly #isSelected: Selector
  readonly #context: StageContext
  readonly #reason: string
  /** Null: selected lines are dropped. */
  readonly #pipeline: Pipeline | null

  constructor(settings: MatchSettings, context: StageContext) {
    this.#isSelected = compileSelector(settings.selector)
    this.#context = context
    this.#reason = settings.drop_counter_reason || matchReason
    this.#pipeline =
      settings.action === 'drop' ? null : new Pipeline(settings.stage.map((stage) => makeStage(stage, context)))
  }

  /** Runs of selected lines go through the stages together: the order stays. */
  process(lines: Line[]): Line[] {
    const out: Line[] = []
    let selected: Line[] = []
    const runSelected = (): void => {
      if (selected.length > 0) for (const line of this.#pipeline?.process(selected) ?? []) out.push(line)
      selected = []
    }
    for (const line of lines) {
      if (!this.#isSelected(line.labels, line.text)) {
        runSelected()
        out.push(line)
      } else if (this.#pipeline === null) this.#context.drop(this.#reason)
      else {
        line.extractLabels()
        selected.push(line)
      }
    }
    runSelected()
    return out
  }

  due(nowMs: number): Line[] {
    return this.#pipeline?.due(nowMs) ?? []
  }

  deadlineMs(): number {
    return this.#pipeline?.deadlineMs() ?? Infinity
  }

  drain(): Line[] {
    return this.#pipeline?.drain() ?? []
  }

  get held(): number {
    return this.#pipeline?.held ?? 0
  }

  get isCongested(): boolean {
    return this.#pipeline?.isCongested ?? false
  }

  stop(): void {
    this.#pipeline?.stop()
  }
}
