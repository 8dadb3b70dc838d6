// The licences that have to go with what is shipped: Solder's own, those of the packages in the bundle, Node's.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

export interface ShippedPackage {
  readonly name: string
  readonly version: string
  /** As SPDX calls it. */
  readonly licence: string
  /** Its licence, then its notices, as they stand in its folder. */
  readonly texts: readonly string[]
}

/** What may be shipped when its licence goes with it. Another licence has to be looked at before it is put here. */
const knownLicences = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'])

/** Rolldown's own few lines that tie modules together; they are in most of its bundles. */
const rolldownModule = '\0rolldown/runtime.js'

/** The folder of the package that a module is of; undefined for a source of ours. Throws for a module from nowhere. */
function folderOf(module: string): string | undefined {
  if (module === rolldownModule) return join(root, 'node_modules', 'rolldown')
  const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module) ?? []
  if (folder !== undefined) return folder
  if (module.startsWith(join(root, '/'))) return undefined
  throw new Error(`Cannot tell of which package a module is: current value is ${JSON.stringify(module)}`)
}

/** Of the package in `folder`. Throws where its licence is not one that we know, or its text is not there. */
export function shippedPackage(folder: string): ShippedPackage {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: unknown
    licenses?: { type: string }[]
  }
  const { name, version } = manifest
  // An old way to write it, a list, is taken where there is one.
  const licence = manifest.license ?? (manifest.licenses?.length === 1 ? manifest.licenses[0]?.type : undefined)
  if (typeof licence !== 'string' || !knownLicences.has(licence)) {
    const known = [...knownLicences].join(', ')
    throw new Error(
      `Cannot ship ${name}: its licence has to be one of ${known}: current value is ${JSON.stringify(licence)}`,
    )
  }
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i.test(file))
  const isNotice = (file: string): boolean => /^notice/i.test(file)
  const order = [...files.filter((file) => !isNotice(file)).sort(), ...files.filter(isNotice).sort()]
  if (order.every(isNotice)) throw new Error(`Cannot ship ${name}: its folder has no text of its licence, ${licence}`)
  const texts = order.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim())
  return { name, version, licence, texts }
}

/** The packages that these modules are of, by name. Throws as `shippedPackage` does. */
export function packagesOf(modules: Iterable<string>): ShippedPackage[] {
  const folders = new Set<string>()
  for (const module of modules) {
    const folder = folderOf(module)
    if (folder !== undefined) folders.add(folder)
  }
  return [...folders].map(shippedPackage).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Node's own, out of the package that brings it to this machine; it is the same for every platform. */
export function nodeLicence(): ShippedPackage {
  const { version, licence, texts } = shippedPackage(
    join(root, 'node_modules', `node-${process.platform}-${process.arch}`),
  )
  return { name: 'Node.js', version, licence, texts }
}

const rule = '='.repeat(80)

/** One document: Solder's notice and licence, then the others'; a text that several share stands there once. */
export function noticesText(packages: readonly ShippedPackage[]): string {
  const read = (name: string): string => readFileSync(join(root, name), 'utf8').trim()
  const sharing = new Map<string, string[]>()
  for (const { name, version, texts } of packages) {
    const text = texts.join('\n\n')
    sharing.set(text, [...(sharing.get(text) ?? []), `${name} ${version}`])
  }
  const parts = [
    `${read('NOTICE')}\n\nSoftware of others:\n\n${packages.map((one) => `  ${one.name} ${one.version} (${one.licence})\n`).join('')}`,
    `Solder\n\n${read('LICENSE')}\n`,
    ...[...sharing].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`),
  ]
  return parts.join(`\n${rule}\n`)
}
