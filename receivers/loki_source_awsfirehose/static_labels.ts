// Labels that a Firehose stream's configuration brings along with every request.
import { isLegacyLabelName } from '#component/relabel'
import { objectOf } from './records.ts'

const prefix = 'lbl_'

export interface StaticLabels {
  readonly pairs: readonly (readonly [string, string])[]
  /** Why something was left out: values of the metric's label `reason`. */
  readonly faults: readonly string[]
}

/** `header`: `X-Amz-Firehose-Common-Attributes`; '': none. Attributes `lbl_NAME` become labels `NAME`. */
export function staticLabels(header: string): StaticLabels {
  if (header === '') return { pairs: [], faults: [] }
  const attributes = objectOf(header)?.['commonAttributes'] ?? undefined
  if (objectOf(header) === undefined || (attributes !== undefined && typeof attributes !== 'object')) {
    return { pairs: [], faults: ['invalid_json_format'] }
  }
  const pairs: [string, string][] = []
  const faults: string[] = []
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (!name.startsWith(prefix)) continue
    if (typeof value !== 'string') return { pairs: [], faults: ['invalid_json_format'] }
    const given = name.slice(prefix.length)
    const label = isLegacyLabelName(given) ? given : snakeCase(given)
    if (!isLegacyLabelName(label)) faults.push('invalid_label_name')
    else pairs.push([label, value])
  }
  return { pairs, faults }
}

/** Names as the CloudWatch exporter makes them: lower case, with underscores between words. */
function snakeCase(text: string): string {
  return text
    .replace(/(?<=[\p{Ll}\p{Nd}])(?=\p{Lu})/gu, '_')
    .replace(/[ ,\t/\\.\-:=@<>()“]/g, '_')
    .replaceAll('%', '_percent')
    .toLowerCase()
}
