// Lines of senders that keep to no format: a priority where there is one, and the rest as it is.
import { SyslogMessage } from './message.ts'
import { Byte, isDigit } from './scan.ts'

const priorityMax = 255

/** Never a fault: what does not begin with `<digits>` is all text. White space around the text is left out. */
export function parseRaw(bytes: Buffer, start: number, end: number): SyslogMessage {
  const message = new SyslogMessage()
  let at = start
  if (bytes[start] === Byte.less) {
    let i = start + 1
    let value = 0
    while (i < end && isDigit(bytes[i]) && value <= priorityMax) {
      value = value * 10 + (bytes[i++] as number) - Byte.zero
    }
    if (i > start + 1 && i < end && bytes[i] === Byte.greater && value <= priorityMax) {
      message.priority = value
      at = i + 1
    }
  }
  const text = bytes.toString('utf8', at, end).trim()
  if (text !== '') message.message = text
  return message
}
