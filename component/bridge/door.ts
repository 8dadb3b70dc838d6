// The door of what bridges between kinds of batches share.
export { handOn } from './bridge.ts'
export { reportUnsupported, resourceConversion, seriesFields, seriesOptions, seriesStaleMs } from './series_settings.ts'
