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
}

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
