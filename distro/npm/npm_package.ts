// `npm run package:npm`: npm's package, with the bundle made, as `dist/npm/` and as an archive.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { noticesAsset } from '#lib/packaged'
import { bundleProgram, noticesText, packagesAtRunTime, packagesOf } from '../bundle/door.ts'
import { type JsonSchema, settingsTypes } from './schema_types.ts'

const root = join(import.meta.dirname, '..', '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string
  version: string
  description: string
  license: string
  engines: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

/** No scripts and nothing for development: what is installed runs as it is. */
function packageManifest(): object {
  const { name, version, description, license, engines, optionalDependencies } = manifest
  return {
    name,
    version,
    description,
    license,
    bin: { solder: 'bin/solder' },
    types: 'settings.d.ts',
    exports: {
      '.': { types: './settings.d.ts' },
      './schema.json': './docs/reference/schema.json',
      './package.json': './package.json',
    },
    files: ['bin', 'bundle', 'docs', 'settings.d.ts', 'NOTICE', noticesAsset],
    dependencies: Object.fromEntries(packagesAtRunTime.map((one) => [one, manifest.dependencies[one]])),
    optionalDependencies,
    engines,
    os: ['linux'],
    libc: ['glibc'],
  }
}

/** `npm/` and the archive in `out`. The path of the archive. */
export async function buildNpmPackage(out: string): Promise<string> {
  const directory = join(out, 'npm')
  rmSync(directory, { recursive: true, force: true })
  for (const folder of ['bin', 'docs/reference']) mkdirSync(join(directory, folder), { recursive: true })
  const modules = await bundleProgram(join(directory, 'bundle'))
  // Node and the libraries beside the bundle bring their own.
  writeFileSync(join(directory, noticesAsset), noticesText(packagesOf(modules)))
  copyFileSync(join(root, 'distro', 'solder'), join(directory, 'bin', 'solder'))
  chmodSync(join(directory, 'bin', 'solder'), 0o755)
  copyFileSync(join(import.meta.dirname, 'npm.md'), join(directory, 'README.md'))
  for (const name of ['LICENSE', 'NOTICE']) copyFileSync(join(root, name), join(directory, name))
  const schema = readFileSync(join(root, 'docs', 'reference', 'schema.json'), 'utf8')
  writeFileSync(join(directory, 'docs', 'reference', 'schema.json'), schema)
  const { $defs } = JSON.parse(schema) as { $defs: Record<string, JsonSchema> }
  writeFileSync(join(directory, 'settings.d.ts'), settingsTypes($defs))
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(packageManifest(), null, 2)}\n`)
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 120_000,
  })
  return join(out, `${manifest.name}-${manifest.version}.tgz`)
}

if (import.meta.main) {
  const path = await buildNpmPackage(join(root, 'dist'))
  process.stdout.write(`${relative(root, path)}  ${Math.round(statSync(path).size / 1000)} KB\n`)
}
