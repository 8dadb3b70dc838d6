// The door of npm's package.
export { buildNpmPackage } from './npm_package.ts'
