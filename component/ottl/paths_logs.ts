// Paths of log records.
import type { LogRecord } from '#pdata/otlp'
import { anyValueText } from '#pdata/otlp'
import { valuePath } from './access.ts'
import type { PathTable } from './paths.ts'
import { attributes, id, int32, nanos, text, time, uint32 } from './paths.ts'
import type { TransformContext } from './transform_context.ts'

const logOf = (context: TransformContext): LogRecord => context.log as LogRecord

export const logPaths: PathTable = {
  time_unix_nano: nanos(
    (context) => logOf(context).timeUnixNano,
    (context, value) => (logOf(context).timeUnixNano = value),
  ),
  observed_time_unix_nano: nanos(
    (context) => logOf(context).observedTimeUnixNano,
    (context, value) => (logOf(context).observedTimeUnixNano = value),
  ),
  time: time(
    (context) => logOf(context).timeUnixNano,
    (context, value) => (logOf(context).timeUnixNano = value),
  ),
  observed_time: time(
    (context) => logOf(context).observedTimeUnixNano,
    (context, value) => (logOf(context).observedTimeUnixNano = value),
  ),
  severity_number: int32(
    (context) => logOf(context).severityNumber,
    (context, value) => (logOf(context).severityNumber = value),
  ),
  severity_text: text(
    (context) => logOf(context).severityText,
    (context, value) => (logOf(context).severityText = value),
  ),
  body: {
    keys: 'any',
    bind: (keys) =>
      valuePath(
        (context) => logOf(context).body,
        (context, value) => (logOf(context).body = value),
        keys,
      ),
  },
  'body.string': text(
    (context) => anyValueText(logOf(context).body),
    (context, value) => (logOf(context).body = value),
  ),
  attributes: attributes(
    (context) => logOf(context).attributes,
    (context, value) => (logOf(context).attributes = value),
  ),
  dropped_attributes_count: uint32(
    (context) => logOf(context).droppedAttributesCount,
    (context, value) => (logOf(context).droppedAttributesCount = value),
  ),
  flags: uint32(
    (context) => logOf(context).flags,
    (context, value) => (logOf(context).flags = value),
  ),
  ...id(
    'trace_id',
    16,
    (context) => logOf(context).traceId,
    (context, value) => (logOf(context).traceId = value),
  ),
  ...id(
    'span_id',
    8,
    (context) => logOf(context).spanId,
    (context, value) => (logOf(context).spanId = value),
  ),
  event_name: text(
    (context) => logOf(context).eventName,
    (context, value) => (logOf(context).eventName = value),
  ),
}
