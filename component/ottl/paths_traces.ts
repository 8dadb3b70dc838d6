// Paths of spans and span events.
import type { Span, SpanEvent, SpanLink, SpanStatus } from '#pdata/otlp'
import { cloneAttributes } from '#pdata/otlp'
import type { Key } from './access.ts'
import { expectList, expectString } from './access.ts'
import type { GetSetter } from './function.ts'
import type { PathDefinition, PathTable } from './paths.ts'
import { attributes, custom, id, int32, intOf, nanos, text, time, uint32 } from './paths.ts'
import type { TransformContext } from './transform_context.ts'
import { OttlError, TelemetryList, typeName } from './value.ts'

const spanOf = (context: TransformContext): Span => context.span as Span
const eventOf = (context: TransformContext): SpanEvent => context.event as SpanEvent

/** As pdata's `SpanKind.String` has them. */
const kindNames = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
const oldKindNames = kindNames.map((name) => `SPAN_KIND_${name.toUpperCase()}`)

function kindText(names: readonly string[]): PathDefinition {
  return text(
    (context) => names[spanOf(context).kind] ?? '',
    (context, value) => {
      const kind = names.indexOf(value)
      if (kind < 0) throw new OttlError(`unknown span kind string, ${value}`)
      spanOf(context).kind = kind
    },
  )
}

/** One entry of the list that W3C's trace context calls tracestate. */
const traceStateEntry: PathDefinition = {
  keys: 'one',
  bind([key]): GetSetter {
    if (key === undefined) {
      return {
        get: (context) => spanOf(context).traceState,
        set: (context, value) => (spanOf(context).traceState = expectString(value)),
      }
    }
    return {
      get(context) {
        const name = traceStateKey(key, context)
        return stateEntries(context).find(([each]) => each === name)?.[1] ?? ''
      },
      set(context, value) {
        const name = traceStateKey(key, context)
        const others = stateEntries(context).filter(([each]) => each !== name)
        const all = [[name, expectString(value)] as const, ...others]
        spanOf(context).traceState = all.map(([each, is]) => `${each}=${is}`).join(',')
      },
    }
  },
}

function traceStateKey(key: Key, context: TransformContext): string {
  const value = key.literal ?? key.get(context)
  if (typeof value !== 'string')
    throw new OttlError(`trace_state indexing type must be a string, got ${typeName(value)}`)
  return value
}

function stateEntries(context: TransformContext): [string, string][] {
  const { traceState } = spanOf(context)
  if (traceState === '') return []
  return traceState.split(',').flatMap((entry): [string, string][] => {
    const equals = entry.indexOf('=')
    return equals < 0 ? [] : [[entry.slice(0, equals).trim(), entry.slice(equals + 1).trim()]]
  })
}

function copyEvent(event: SpanEvent): SpanEvent {
  return { ...event, attributes: cloneAttributes(event.attributes) }
}

function copyLink(link: SpanLink): SpanLink {
  return { ...link, attributes: cloneAttributes(link.attributes) }
}

export const spanPaths: PathTable = {
  ...id(
    'trace_id',
    16,
    (context) => spanOf(context).traceId,
    (context, value) => (spanOf(context).traceId = value),
  ),
  ...id(
    'span_id',
    8,
    (context) => spanOf(context).spanId,
    (context, value) => (spanOf(context).spanId = value),
  ),
  ...id(
    'parent_span_id',
    8,
    (context) => spanOf(context).parentSpanId,
    (context, value) => (spanOf(context).parentSpanId = value),
  ),
  trace_state: traceStateEntry,
  name: text(
    (context) => spanOf(context).name,
    (context, value) => (spanOf(context).name = value),
  ),
  kind: int32(
    (context) => spanOf(context).kind,
    (context, value) => (spanOf(context).kind = value),
  ),
  'kind.string': kindText(kindNames),
  'kind.deprecated_string': kindText(oldKindNames),
  start_time_unix_nano: nanos(
    (context) => spanOf(context).startTimeUnixNano,
    (context, value) => (spanOf(context).startTimeUnixNano = value),
  ),
  end_time_unix_nano: nanos(
    (context) => spanOf(context).endTimeUnixNano,
    (context, value) => (spanOf(context).endTimeUnixNano = value),
  ),
  start_time: time(
    (context) => spanOf(context).startTimeUnixNano,
    (context, value) => (spanOf(context).startTimeUnixNano = value),
  ),
  end_time: time(
    (context) => spanOf(context).endTimeUnixNano,
    (context, value) => (spanOf(context).endTimeUnixNano = value),
  ),
  attributes: attributes(
    (context) => spanOf(context).attributes,
    (context, value) => (spanOf(context).attributes = value),
  ),
  dropped_attributes_count: uint32(
    (context) => spanOf(context).droppedAttributesCount,
    (context, value) => (spanOf(context).droppedAttributesCount = value),
  ),
  events: custom(
    (context) => new TelemetryList('ptrace.SpanEventSlice', spanOf(context).events),
    (context, value) => {
      spanOf(context).events = (expectList(value, 'ptrace.SpanEventSlice') as SpanEvent[]).map(copyEvent)
    },
  ),
  dropped_events_count: uint32(
    (context) => spanOf(context).droppedEventsCount,
    (context, value) => (spanOf(context).droppedEventsCount = value),
  ),
  links: custom(
    (context) => new TelemetryList('ptrace.SpanLinkSlice', spanOf(context).links),
    (context, value) => {
      spanOf(context).links = (expectList(value, 'ptrace.SpanLinkSlice') as SpanLink[]).map(copyLink)
    },
  ),
  dropped_links_count: uint32(
    (context) => spanOf(context).droppedLinksCount,
    (context, value) => (spanOf(context).droppedLinksCount = value),
  ),
  flags: uint32(
    (context) => spanOf(context).flags,
    (context, value) => (spanOf(context).flags = value),
  ),
  status: custom(
    (context) => new TelemetryList('ptrace.Status', [spanOf(context).status]),
    (context, value) => {
      spanOf(context).status = { ...(expectList(value, 'ptrace.Status')[0] as SpanStatus) }
    },
  ),
  'status.code': int32(
    (context) => spanOf(context).status.code,
    (context, value) => (spanOf(context).status.code = value),
  ),
  'status.message': text(
    (context) => spanOf(context).status.message,
    (context, value) => (spanOf(context).status.message = value),
  ),
}

export const spanEventPaths: PathTable = {
  time_unix_nano: nanos(
    (context) => eventOf(context).timeUnixNano,
    (context, value) => (eventOf(context).timeUnixNano = value),
  ),
  time: time(
    (context) => eventOf(context).timeUnixNano,
    (context, value) => (eventOf(context).timeUnixNano = value),
  ),
  name: text(
    (context) => eventOf(context).name,
    (context, value) => (eventOf(context).name = value),
  ),
  attributes: attributes(
    (context) => eventOf(context).attributes,
    (context, value) => (eventOf(context).attributes = value),
  ),
  dropped_attributes_count: uint32(
    (context) => eventOf(context).droppedAttributesCount,
    (context, value) => (eventOf(context).droppedAttributesCount = value),
  ),
  event_index: custom(
    (context) => intOf(context.eventIndex),
    () => {
      throw new OttlError('the event index cannot be set')
    },
  ),
}
