// The door of attribute actions: what the processors `attributes` and `resource` do, and the settings that say it.
export { AttributeActions, contextValue, parseFloat64 } from './actions.ts'
export { actionFields, checkActions, yamlActionFields } from './settings.ts'
export type { ActionSettings } from './settings.ts'
export { anyValueFrom } from './values.ts'
export { editAttributes, editResources, LiteralEdits, WireEdits } from './wire_edit.ts'
