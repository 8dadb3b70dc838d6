// The door of the machine that packages are tested in.
export { makeDisk } from './image.ts'
export { installedKernel, type Kernel, Machine } from './machine.ts'
