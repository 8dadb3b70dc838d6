// The first script of the single executable: runs the bundle from the executable's own assets, each chunk when it is asked for.
import nodeModule from 'node:module'
import { posix } from 'node:path'
import { getAsset } from 'node:sea'
import { compileFunction } from 'node:vm'

interface Loaded {
  exports: unknown
}

type Require = (id: string) => unknown

const parameters = ['exports', 'require', 'module', '__filename', '__dirname']
const loaded = new Map<string, Loaded>()

/** A module of the bundle, by its path in the assets; run once. */
function load(path: string): unknown {
  const known = loaded.get(path)
  if (known) return known.exports
  const made: Loaded = { exports: {} }
  loaded.set(path, made)
  const run = compileFunction(getAsset(path, 'utf8'), parameters, {
    filename: `/solder/${path}`,
  }) as (...args: unknown[]) => void
  run(made.exports, requireFrom(posix.dirname(path)), made, `/solder/${path}`, `/solder/${posix.dirname(path)}`)
  return made.exports
}

function requireFrom(directory: string): Require {
  return (id) => {
    if (id.startsWith('.')) return load(posix.join(directory, id))
    // Libraries that are read when they are needed: `createRequire` finds them in the executable, not in a folder.
    if (id === 'node:module' || id === 'module') return ownModule
    return nodeModule.isBuiltin(id) ? process.getBuiltinModule(id) : load(`vendor/${id}.cjs`)
  }
}

const ownModule = Object.assign(Object.create(nodeModule) as object, { createRequire: () => requireFrom('.') })

/** mallopt(3)'s parameters, and the values that distro/solder gives through the environment: it says why. */
const allocatorSettings = [
  { variable: 'MALLOC_ARENA_MAX', parameter: -8, value: 1 },
  { variable: 'MALLOC_MMAP_THRESHOLD_', parameter: -3, value: 32_768 },
] as const

/** The environment is read before this script is: what it does not set is set by a call (12 ms less than starting again). */
function tuneAllocator(): void {
  if (process.platform !== 'linux') return
  try {
    const { dlopen } = process.getBuiltinModule('node:ffi')
    const { functions } = dlopen(null, { mallopt: { arguments: ['int32', 'int32'], return: 'int32' } })
    for (const { variable, parameter, value } of allocatorSettings) {
      if (process.env[variable] === undefined) functions.mallopt(parameter, value)
    }
  } catch {
    // Another C library than glibc, or a Node without this: what is freed is given back later.
  }
}

tuneAllocator()
load('solder.cjs')
