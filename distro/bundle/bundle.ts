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

/** Write a bundle of `input`, names to modules, to `directory`. */
async function write(input: Record<string, string>, external: (string | RegExp)[], directory: string): Promise<void> {
  const bundle = await rolldown({ ...options, input, external })
  await bundle.write({
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
}

/** `solder.cjs` and `chunks/` in `directory`. The separate libraries are found in node_modules. */
export async function bundleProgram(directory: string): Promise<void> {
  await write({ solder: join(root, 'distro/main.ts') }, [/^node:/, ...separateLibraries], directory)
}

/** What else the single executable holds: `sea_main.cjs`, which runs the program, and `vendor/` with the separate libraries. */
export async function bundleForExecutable(directory: string): Promise<void> {
  await write({ sea_main: join(root, 'distro/bundle/sea_main.ts') }, [/^node:/], directory)
  for (const library of separateLibraries) await write({ [`vendor/${library}`]: library }, [/^node:/], directory)
  for (const file of dataFiles) {
    const target = join(directory, 'data', file)
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(createRequire(import.meta.url).resolve(file), target)
  }
  for (const file of globSync('{solder.cjs,chunks/*.cjs}', { cwd: directory }))
    requireWhatIsImported(join(directory, file))
}

/** `import()` looks for modules in folders; `require` is ours there, and finds them in the executable. */
function requireWhatIsImported(path: string): void {
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace(/\bimport\((`[\w:/.-]+`)\)/g, '(async()=>require($1))()'))
}
