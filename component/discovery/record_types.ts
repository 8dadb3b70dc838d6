// The kinds of DNS records that name targets.
const recordTypes = ['SRV', 'A', 'AAAA', 'MX', 'NS'] as const
export type RecordType = (typeof recordTypes)[number]

export function isRecordType(type: string): type is RecordType {
  return recordTypes.some((known) => known === type)
}
