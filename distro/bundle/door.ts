// The door of the bundle: what is made of the sources, and what has to stand beside it.
export { bundleForExecutable, bundleProgram, packagesAtRunTime } from './bundle.ts'
export { nodeLicence, noticesText, packagesOf } from './notices.ts'
