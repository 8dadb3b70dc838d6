// Stages that change labels and structured metadata.
import { attr, defineSettings, list, map, oneOf, type SettingsOf, string } from '#component'
import { compileRegexp, type Regexp } from '#lib/regexp'
import { labelValue } from '#pdata'
import { checkExpression, checkLabelNames } from './expression.ts'
import { type Line, withoutLabels } from './line.ts'
import { LineStage } from './stage.ts'

/** Where `loki.write` looks for the tenant of a line. */
const tenantLabel = '__tenant_id__'

/** Pairs of what is set and what it is taken from: "" stands for the same name. */
function sources(values: ReadonlyMap<string, string>): (readonly [string, string])[] {
  return [...values].map(([name, source]) => [name, source || name])
}

export const labelsSettings = defineSettings(
  {
    values: attr(map(string), 'Sources of labels by name; "": the name itself.', { required: true }),
    source_type: attr(oneOf('extracted', 'structured_metadata'), 'Where the sources are looked for.', {
      default: 'extracted',
    }),
  },
  { check: ({ values }, report) => checkLabelNames(values.keys(), 'values', report) },
)

export class LabelsStage extends LineStage {
  readonly #sources: readonly (readonly [string, string])[]
  readonly #fromMetadata: boolean

  constructor(settings: SettingsOf<typeof labelsSettings>) {
    super()
    this.#sources = sources(settings.values)
    this.#fromMetadata = settings.source_type === 'structured_metadata'
  }

  change(line: Line): void {
    for (const [name, source] of this.#sources) {
      if (this.#fromMetadata) {
        const value = labelValue(line.metadata ?? [], source)
        if (value !== '') line.setLabel(name, value)
      } else {
        const value = line.extractedText(source)
        if (value !== undefined) line.setLabel(name, value)
      }
    }
  }
}

export const staticLabelsSettings = defineSettings(
  { values: attr(map(string), 'Labels to set; those with "" are left alone.', { required: true }) },
  { check: ({ values }, report) => checkLabelNames(values.keys(), 'values', report) },
)

export class StaticLabelsStage extends LineStage {
  readonly #values: readonly (readonly [string, string])[]

  constructor(settings: SettingsOf<typeof staticLabelsSettings>) {
    super()
    this.#values = [...settings.values].filter(([, value]) => value !== '')
  }

  change(line: Line): void {
    for (const [name, value] of this.#values) line.setLabel(name, value)
  }
}

const namesSettings = (doc: string, what: string) =>
  defineSettings(
    { values: attr(list(string), doc, { required: true }) },
    {
      check: ({ values }, report) => values.length === 0 && report(`${what} stage config cannot be empty`, ['values']),
    },
  )

export const labelDropSettings = namesSettings('Labels to take away.', 'labeldrop')
export const labelKeepSettings = namesSettings('The labels that stay.', 'labelallow')
export const structuredMetadataDropSettings = namesSettings(
  'Structured metadata to take away.',
  'structured_metadata_drop',
)
type NamesSettings = SettingsOf<typeof labelDropSettings>

export class LabelDropStage extends LineStage {
  readonly #names: ReadonlySet<string>

  constructor({ values }: NamesSettings) {
    super()
    this.#names = new Set(values)
  }

  change(line: Line): void {
    line.labels = withoutLabels(line.labels, (name) => this.#names.has(name))
  }
}

export class LabelKeepStage extends LineStage {
  readonly #names: ReadonlySet<string>

  constructor({ values }: NamesSettings) {
    super()
    this.#names = new Set(values)
  }

  change(line: Line): void {
    line.labels = withoutLabels(line.labels, (name) => !this.#names.has(name))
  }
}

export class StructuredMetadataDropStage extends LineStage {
  readonly #names: ReadonlySet<string>

  constructor({ values }: NamesSettings) {
    super()
    this.#names = new Set(values)
  }

  change(line: Line): void {
    if (line.metadata !== null) line.metadata = withoutLabels(line.metadata, (name) => this.#names.has(name))
  }
}

const noStrings: Readonly<Record<string, string>> = {}

export const structuredMetadataSettings = defineSettings(
  {
    values: attr(map(string), 'Extracted values or labels by name; "": the name itself. Labels are moved.', {
      default: noStrings,
    }),
    regex: attr(string, 'Extracted values and labels whose names match.', { default: '' }),
  },
  {
    check({ values, regex }, report) {
      checkLabelNames(values.keys(), 'values', report)
      checkExpression(regex, 'regex', report)
    },
  },
)

export class StructuredMetadataStage extends LineStage {
  readonly #sources: readonly (readonly [string, string])[]
  readonly #regex: Regexp | null

  constructor(settings: SettingsOf<typeof structuredMetadataSettings>) {
    super()
    this.#sources = sources(settings.values)
    this.#regex = settings.regex === '' ? null : compileRegexp(settings.regex)
  }

  /** Extracted values first, labels over them. */
  change(line: Line): void {
    for (const [name, source] of this.#sources) {
      const value = line.extractedText(source)
      if (value !== undefined) line.setMetadata(name, value)
    }
    if (this.#regex !== null) {
      for (const name of line.extracted.keys()) {
        const value = this.#regex.test(name) ? line.extractedText(name) : undefined
        if (value !== undefined) line.setMetadata(name, value)
      }
    }
    const before = line.labels
    for (const [name, source] of this.#sources) {
      const value = labelValue(before, source)
      if (value === '') continue
      line.setMetadata(name, value)
      line.labels = withoutLabels(line.labels, (name) => name === source)
    }
    const regex = this.#regex
    if (regex === null) return
    line.labels = withoutLabels(line.labels, (name) => {
      if (!regex.test(name)) return false
      line.setMetadata(name, labelValue(before, name))
      return true
    })
  }
}

export const tenantSettings = defineSettings(
  {
    label: attr(string, 'The label whose value is the tenant.', { default: '' }),
    source: attr(string, 'The extracted value that is the tenant.', { default: '' }),
    value: attr(string, 'The tenant.', { default: '' }),
  },
  {
    check({ label, source, value }, report) {
      const given = [label, source, value].filter((text) => text !== '').length
      if (given === 0) report('label, source or value config are required')
      if (given > 1) {
        report('label, source and value are mutually exclusive: you should set source, value or label but not all')
      }
    },
  },
)

export class TenantStage extends LineStage {
  readonly #settings: SettingsOf<typeof tenantSettings>

  constructor(settings: SettingsOf<typeof tenantSettings>) {
    super()
    this.#settings = settings
  }

  change(line: Line): void {
    const { label, source, value } = this.#settings
    const tenant = source !== '' ? line.extractedText(source) : label !== '' ? labelValue(line.labels, label) : value
    if (tenant !== undefined && tenant !== '') line.setLabel(tenantLabel, tenant)
  }
}
