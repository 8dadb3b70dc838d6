// `npm run package`: a Debian package and an RPM for each Linux that there is an executable of, and npm's package. Needs
// dpkg-deb and rpmbuild.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  globSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bashCompletion, fishCompletion, manualPage, zshCompletion } from '../completion.ts'
import {
  buildExecutables,
  executableName,
  noticesName,
  type Platform,
  platforms,
  writeChecksums,
} from '../executable/door.ts'
import { buildNpmPackage } from '../npm/door.ts'

const root = join(import.meta.dirname, '..', '..')
const dist = join(root, 'dist')
const files = join(import.meta.dirname, 'files')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
  description: string
}

/** What the executable is linked with: Node's own needs, libatomic among them. */
const debDepends = 'libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1, passwd'
const rpmRequires = 'glibc >= 2.28, libstdc++, libgcc, libatomic, shadow-utils'
const maintainer = 'Solder developers <solder@localhost>'
const description = 'collects metrics, logs and traces, and sends them on'

/** Everything in a package has the time of the last release note, so that the same sources give the same bytes. */
const releaseDay = '2026-11-28'
const releaseSeconds = Date.parse(`${releaseDay}T00:00:00Z`) / 1000

interface Entry {
  readonly path: string
  readonly content: Buffer | string
  readonly mode: number
  readonly isConfiguration?: boolean
}

/** `out` has the executable. */
function contents(platform: Platform, out: string, zshDirectory: string, noticesPath: string): Entry[] {
  const file = (name: string): Buffer => readFileSync(join(files, name))
  const manual = gzipSync(manualPage(manifest.version, releaseDay), { level: 9 })
  return [
    { path: 'usr/bin/solder', content: readFileSync(join(out, executableName(platform))), mode: 0o755 },
    { path: noticesPath, content: readFileSync(join(out, noticesName)), mode: 0o644 },
    { path: 'etc/solder/config.alloy', content: file('config.alloy'), mode: 0o640, isConfiguration: true },
    { path: 'etc/default/solder', content: file('default'), mode: 0o644, isConfiguration: true },
    { path: 'usr/lib/systemd/system/solder.service', content: file('solder.service'), mode: 0o644 },
    { path: 'usr/share/man/man1/solder.1.gz', content: manual, mode: 0o644 },
    { path: 'usr/share/bash-completion/completions/solder', content: bashCompletion(), mode: 0o644 },
    { path: `${zshDirectory}/_solder`, content: zshCompletion(), mode: 0o644 },
    { path: 'usr/share/fish/vendor_completions.d/solder.fish', content: fishCompletion(), mode: 0o644 },
  ]
}

function lay(entries: readonly Entry[], directory: string): void {
  rmSync(directory, { recursive: true, force: true })
  for (const { path, content, mode } of entries) {
    const target = join(directory, path)
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 })
    writeFileSync(target, content)
    chmodSync(target, mode)
  }
}

/** Files and folders alike. */
function setTimes(directory: string): void {
  for (const path of globSync('**', { cwd: directory }))
    utimesSync(join(directory, path), releaseSeconds, releaseSeconds)
  utimesSync(directory, releaseSeconds, releaseSeconds)
}

const environment = { ...process.env, SOURCE_DATE_EPOCH: String(releaseSeconds) }

function buildDeb(platform: Platform, arch: string, work: string, out: string): string {
  const tree = join(work, `deb-${arch}`)
  const entries = contents(platform, out, 'usr/share/zsh/vendor-completions', 'usr/share/doc/solder/copyright')
  lay(entries, tree)
  const control = join(tree, 'DEBIAN')
  mkdirSync(control)
  const kilobytes = Math.ceil(entries.reduce((sum, { content }) => sum + content.length, 0) / 1024)
  const fields = [
    `Package: solder\nVersion: ${manifest.version}\nArchitecture: ${arch}\nMaintainer: ${maintainer}\n`,
    `Installed-Size: ${kilobytes}\nDepends: ${debDepends}\nSection: net\nPriority: optional\n`,
    `Description: ${description}\n ${manifest.description}.\n`,
  ]
  writeFileSync(join(control, 'control'), fields.join(''))
  const configurations = entries.filter((entry) => entry.isConfiguration).map(({ path }) => `/${path}\n`)
  writeFileSync(join(control, 'conffiles'), configurations.join(''))
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(join(files, script), join(control, script))
    chmodSync(join(control, script), 0o755)
  }
  setTimes(tree)
  const output = join(out, `solder_${manifest.version}_${arch}.deb`)
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z3', '--build', tree, output], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment,
    timeout: 300_000,
  })
  return output
}

/** The scripts are Debian's with RPM's numbers, which they know too; `$1` of the last one tells an upgrade. */
function rpmSpec(entries: readonly Entry[], tree: string): string {
  const script = (name: string): string => readFileSync(join(files, name), 'utf8').replace(/^#!.*\n/, '')
  const listed = entries.map(({ path, mode, isConfiguration }) => {
    const kind = isConfiguration
      ? '%config(noreplace) '
      : path.includes('/man/')
        ? '%doc '
        : path.includes('/licenses/')
          ? '%license '
          : ''
    return `${kind}%attr(0${mode.toString(8)}, root, root) /${path}\n`
  })
  return `Name: solder
Version: ${manifest.version}
Release: 1
Summary: ${description}
License: Apache-2.0
Requires: ${rpmRequires}
AutoReqProv: no
%global __os_install_post %{nil}
%global _build_id_links none
%global debug_package %{nil}
%global use_source_date_epoch_as_buildtime 1
%global _buildhost localhost
%description
${manifest.description}.
%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/
%post
${script('postinst')}
%preun
${script('prerm')}
%postun
${script('postrm')}
%files
${listed.join('')}`
}

function buildRpm(platform: Platform, arch: string, work: string, out: string): string {
  const tree = join(work, `rpm-${arch}`)
  const entries = contents(platform, out, 'usr/share/zsh/site-functions', 'usr/share/licenses/solder/notices.txt')
  lay(entries, tree)
  setTimes(tree)
  const top = join(work, `rpmbuild-${arch}`)
  rmSync(top, { recursive: true, force: true })
  mkdirSync(top)
  const spec = join(top, 'solder.spec')
  writeFileSync(spec, rpmSpec(entries, tree))
  execFileSync(
    'rpmbuild',
    ['-bb', '--quiet', '--target', arch, '--define', `_topdir ${top}`, '--define', '_binary_payload w3.xzdio', spec],
    { stdio: ['ignore', 'ignore', 'inherit'], env: environment, timeout: 600_000 },
  )
  const name = `solder-${manifest.version}-1.${arch}.rpm`
  const output = join(out, name)
  copyFileSync(join(top, 'RPMS', arch, name), output)
  return output
}

/** Into `out`, for the platforms of these names; none: for all Linux ones. The paths of the packages. */
export async function buildPackages(only: readonly string[] = [], out: string = dist): Promise<string[]> {
  await buildExecutables(only, out)
  const work = join(root, '.build', `packages-${process.pid}`)
  const built: string[] = []
  try {
    for (const platform of platforms) {
      if (only.length > 0 && !only.includes(platform.name)) continue
      if (platform.debArch !== undefined) built.push(buildDeb(platform, platform.debArch, work, out))
      if (platform.rpmArch !== undefined) built.push(buildRpm(platform, platform.rpmArch, work, out))
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  built.push(await buildNpmPackage(out))
  writeChecksums(out)
  return built
}

if (import.meta.main) {
  for (const path of await buildPackages(process.argv.slice(2))) {
    process.stdout.write(`${relative(root, path)}  ${Math.round(statSync(path).size / 1_000_000)} MB\n`)
  }
}
