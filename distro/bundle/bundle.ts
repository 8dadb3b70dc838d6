// Bundles the program: one entry, a chunk for each module that is imported lazily, and the libraries that stand beside it.
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { rolldown, type RolldownOptions } from 'rolldown'

const root = join(import.meta.dirname, '..', '..')

/** Libraries that are asked for by name while the program runs (`createRequire`), only where a configuration needs them. */
export const separateLibraries = ['yaml', 're2js', 'xpath'] as const

/** Files of packages that `packageFile` of lib/packaged reads. */
const dataFiles = ['uap-core/regexes.yaml'] as const

/** What has to be installed beside the bundle: the separate libraries, and the packages that the data files are of. */
export const packagesAtRunTime = [
  ...separateLibraries,
  ...dataFiles.map((file) => file.slice(0, file.indexOf('/'))),
].sort()

const options: RolldownOptions = {
  platform: 'node',
  logLevel: 'warn',
  resolve: { conditionNames: ['node', 'import'] },
  // No source of ours does anything by being imported: what goes through a door is in a chunk only where it is used.
  treeshake: { moduleSideEffects: (id) => id.includes('node_modules') },
}

/**
 * Modules of Node's own that cost most to load and are often not used before the process is ready, or ever: CPU of
 * loading them beside 32 ms for Node itself (x64): http2 37 ms, tls (and https with it) 26, zlib 8, child_process and
 * dgram 5.
 */
const lateModules = ['http2', 'tls', 'https', 'zlib', 'child_process', 'dgram'] as const

/** Write a bundle of `input`, names to modules, to `directory`. The modules that are in it, as rolldown names them. */
async function write(
  input: Record<string, string>,
  external: (string | RegExp)[],
  directory: string,
): Promise<string[]> {
  const bundle = await rolldown({ ...options, input, external })
  const { output } = await bundle.write({
    dir: directory,
    // CommonJS: an ESM import of node:http reads every name that it exports, and one of them loads Node's own fetch with
    // HTTP/2, web streams and workers: 5 MB that nobody asked for.
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'chunks/[name]-[hash].cjs',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: false,
  })
  await bundle.close()
  for (const part of output) if (part.type === 'chunk') loadLate(join(directory, part.fileName))
  return output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []))
}

/** `solder.cjs` and `chunks/` in `directory`; the modules in them. The separate libraries are found in node_modules. */
export async function bundleProgram(directory: string): Promise<string[]> {
  return write({ solder: join(root, 'distro/main.ts') }, [/^node:/, ...separateLibraries], directory)
}

/**
 * What else the single executable holds: `sea_main.cjs`, which runs the program, `vendor/` with the separate libraries,
 * `data/`. The modules and files in them.
 */
export async function bundleForExecutable(directory: string): Promise<string[]> {
  const modules = await write({ sea_main: join(root, 'distro/bundle/sea_main.ts') }, [/^node:/], directory)
  for (const library of separateLibraries)
    modules.push(...(await write({ [`vendor/${library}`]: library }, [/^node:/], directory)))
  for (const file of dataFiles) {
    const source = createRequire(import.meta.url).resolve(file)
    const target = join(directory, 'data', file)
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(source, target)
    modules.push(source)
  }
  for (const file of globSync('{solder.cjs,chunks/*.cjs}', { cwd: directory }))
    requireWhatIsImported(join(directory, file))
  return modules
}

/** `import()` looks for modules in folders; `require` is ours there, and finds them in the executable. */
function requireWhatIsImported(path: string): void {
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace(/\bimport\((`[\w:/.-]+`)\)/g, '(async()=>require($1))()'))
}

/** Of `lateModules`, each is loaded where the first name of it is used. Throws where the text is not as rolldown writes it. */
function loadLate(path: string): void {
  const text = readFileSync(path, 'utf8')
  let late = text
  for (const module of lateModules) {
    const name = `node_${module}`
    late = late
      .replaceAll(new RegExp(`\\b${name}=require\\(["\`]node:${module}["\`]\\)`, 'g'), `${name}=late("node:${module}")`)
      .replaceAll(new RegExp(`\\b${name}\\.`, 'g'), `${name}().`)
      // Left of an import whose names are not used here.
      .replaceAll(new RegExp(`(?<=^|[;,])require\\(["\`]node:${module}["\`]\\)[;,]`, 'g'), '')
    const left = new RegExp(`require\\(.node:${module}.\\)(?!\\))|\\b${name}(?!\\(\\)\\.|=late\\()\\b.{0,40}`).exec(
      late,
    )
    if (left) throw new Error(`Cannot load node:${module} late in ${path}: current value is ${left[0]}`)
  }
  if (late === text) return
  const define = 'const late=id=>{let loaded;return()=>loaded??=require(id)};'
  const strict = /^["']use strict["'];/.exec(late)?.[0] ?? ''
  writeFileSync(path, `${strict}${define}${late.slice(strict.length)}`)
}
