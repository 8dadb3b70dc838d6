// The door of systemd's journal: its entries, as they come.
export { entryBytesMaxDefault, JournalEntry, JournalExportParser } from './export_format.ts'
export type { JournalSink } from './export_format.ts'
export { cursorMicroseconds, JournalReader } from './reader.ts'
export type { JournalReaderOptions } from './reader.ts'
