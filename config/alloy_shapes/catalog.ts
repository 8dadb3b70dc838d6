// What a conversion knows of Alloy beyond this build: components that are lacking here, and the order in which settings are written.
import type { Settings } from '#component'
import type { AlloyBlock, Statement } from '../convert/document.ts'
import { absentCollector } from './collector.ts'
import { absentDiscovery } from './discovery.ts'
import { absentExporters } from './exporters.ts'
import { groups } from './groups.ts'
import { absentSources } from './logs.ts'
import { alloyOrder, httpClientOrder } from './order.ts'
import { readShapes } from './shape.ts'

const tables = [absentDiscovery, absentSources, absentExporters, absentCollector]

/** The components that Alloy has and this build lacks, by name. */
export const absentComponents: ReadonlyMap<string, Settings<object>> = new Map(
  tables.flatMap((table) => [...readShapes(table, groups)]),
)

const orders = readOrders(alloyOrder)

function readOrders(table: string): Map<string, readonly string[]> {
  const out = new Map<string, readonly string[]>()
  for (const row of table.replaceAll(/\n\s+/g, ' ').split('\n')) {
    const [path, names] = row.split(': ')
    if (!path || names === undefined) continue
    out.set(path, names.replace('@http_client', httpClientOrder.trim()).split(/\s+/))
  }
  return out
}

/** The block of a component with its settings in the order in which Alloy's own conversion writes them. */
export function inAlloyOrder(component: AlloyBlock): AlloyBlock {
  return ordered(component, component.name, absentComponents.get(component.name))
}

function ordered(block: AlloyBlock, path: string, settings: Settings<object> | undefined): AlloyBlock {
  const names = settings ? Object.keys(settings.fields) : (orders.get(path) ?? orders.get(`* > ${block.name}`) ?? [])
  const place = (statement: Statement): number => {
    const exact = names.indexOf(statement.name)
    const at = exact < 0 ? names.indexOf(statement.name.split('.', 1)[0] as string) : exact
    return at < 0 ? names.length : at
  }
  const body = block.body.map((statement) => {
    if (!('body' in statement)) return statement
    const field = settings?.fields[statement.name]
    const inner = field && 'schema' in field ? field.schema : undefined
    return ordered(statement, `${path} > ${statement.name}`, inner)
  })
  return { ...block, body: names.length === 0 ? body : body.toSorted((a, b) => place(a) - place(b)) }
}
