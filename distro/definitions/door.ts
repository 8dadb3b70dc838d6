// The door of what others install the executable by: Homebrew's formula and an image's definition.
export { writeDefinitions } from './definitions.ts'
