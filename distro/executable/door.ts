// The door of the single executables: what packages are made of.
export { buildExecutables, executableName, noticesName, writeChecksums } from './executables.ts'
export { type Platform, platforms } from './platforms.ts'
