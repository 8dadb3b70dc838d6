// The layers: the table below is the diagram, and every import is read against it.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

const layers: Readonly<Record<string, { mayImport: readonly string[]; siblings: boolean }>> = {
  lib: { mayImport: [], siblings: true },
  pdata: { mayImport: ['lib'], siblings: true },
  component: { mayImport: ['lib', 'pdata'], siblings: true },
  receivers: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  processors: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  exporters: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  connectors: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  extensions: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  discovery: { mayImport: ['lib', 'pdata', 'component'], siblings: false },
  config: { mayImport: ['lib', 'pdata', 'component'], siblings: true },
  service: { mayImport: ['lib', 'pdata', 'component', 'config'], siblings: true },
  distro: {
    mayImport: [
      'lib',
      'pdata',
      'component',
      'config',
      'service',
      'receivers',
      'processors',
      'exporters',
      'connectors',
      'extensions',
      'discovery',
    ],
    siblings: true,
  },
}
/** Folders of checks: they may look at everything. */
const unbound = new Set(['test', 'bench'])

/** The only file that names concrete components. */
const manifest = 'distro/components.ts'
const componentLayers = new Set(['receivers', 'processors', 'exporters', 'connectors', 'extensions', 'discovery'])

const { imports: doors } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  imports: Record<string, string>
}

/** The file that `#name` stands for, relative to the root, or undefined. */
function behindDoor(specifier: string): string | undefined {
  if (doors[specifier] !== undefined) return doors[specifier].slice(2)
  const [head, ...rest] = specifier.split('/')
  const pattern = doors[`${head}/*`]
  return pattern === undefined || rest.length === 0 ? undefined : pattern.slice(2).replace('*', rest.join('/'))
}

interface Import {
  readonly file: string
  readonly specifier: string
  /** Relative to the root; undefined: a package or a module of Node's. */
  readonly target: string | undefined
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm,
  )
  return [...found].map((m) => {
    const specifier = m[1] ?? m[2] ?? m[3] ?? ''
    const target = specifier.startsWith('.')
      ? relative(root, join(root, dirname(file), specifier))
      : specifier.startsWith('#')
        ? (behindDoor(specifier) ?? 'no such door')
        : undefined
    return { file, specifier, target }
  })
}

const files = globSync('*/**/*.ts', { cwd: root, exclude: ['node_modules/**', '.build/**', 'dist/**'] }).sort()
const all = files.flatMap(importsOf)

test('every folder of sources is in the layer table', () => {
  const folders = new Set(files.map((file) => file.split('/')[0] as string))
  for (const folder of folders) assert.ok(layers[folder] || unbound.has(folder), `${folder}/ is not in the table`)
})

test('imports go down the layers only, and components never import each other', () => {
  for (const { file, specifier, target } of all) {
    const from = file.split('/')[0] as string
    const layer = layers[from]
    if (!layer || target === undefined) continue
    const to = target.split('/')[0] as string
    if (to === from) {
      const [, mine] = file.split('/')
      const [, theirs] = target.split('/')
      assert.ok(layer.siblings || mine === theirs, `${file} imports ${specifier}: siblings do not know each other`)
    } else assert.ok(layer.mayImport.includes(to), `${file} imports ${specifier}: ${from}/ may not know ${to}/`)
    if (componentLayers.has(to) && to !== from) {
      assert.equal(file, manifest, `${file} imports ${specifier}: only ${manifest} names components`)
    }
  }
})

test('across folders imports go through doors, inside a folder they are relative', () => {
  for (const { file, specifier, target } of all) {
    const from = file.split('/')[0] as string
    if (unbound.has(from) || target === undefined || file === manifest) continue
    assert.notEqual(target, 'no such door', `${file} imports ${specifier}`)
    const isDoor = specifier.startsWith('#')
    const to = target.split('/')[0] as string
    assert.ok(to === from || isDoor, `${file} imports ${specifier} without a door`)
    // Each door stands for one folder; lib has a door for every file.
    if (isDoor && from !== 'lib')
      assert.notEqual(dirname(target), dirname(file), `${file} goes out by ${specifier} to come in again`)
  }
})

test('nothing is exported by default, doors list what they show, and banned names stay away', () => {
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    assert.ok(!/^export default/m.test(text), `${file} exports by default`)
    assert.ok(!/^export \* from/m.test(text), `${file} hands on whatever there is`)
    assert.ok(!/(?:^|\/)(?:utils|helpers|common|types)(?:\.ts|\/)/.test(file), `${file} has a name that says nothing`)
    if (file.endsWith('.test.ts')) continue
    assert.ok(/^(?:#!.*\n)?\/\/ /.test(text), `${file} does not open with a sentence of purpose`)
  }
})

test('every dependency has its page in docs/decisions', () => {
  const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const pages = globSync('docs/decisions/*.md', { cwd: root })
    .map((page) => readFileSync(join(root, page), 'utf8'))
    .join('\n')
  for (const group of ['dependencies', 'optionalDependencies', 'devDependencies']) {
    for (const name of Object.keys(pkg[group] ?? {})) {
      assert.ok(pages.includes(`\`${name}\``), `no page in docs/decisions tells why ${name} is there`)
    }
  }
})

test('nothing committed names a machine or a registry', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  assert.ok(!lock.includes('"resolved"'), 'package-lock.json names a registry')
  for (const file of globSync('**/*.{ts,md,json,sh}', {
    cwd: root,
    exclude: ['node_modules/**', '.build/**', 'dist/**', 'package-lock.json'],
  })) {
    if (file === 'test/architecture.test.ts') continue
    const text = readFileSync(join(root, file), 'utf8')
    assert.ok(!/\/(?:work|root)\/\w|registry\.npmjs|\.mirror\b/.test(text), `${file} names a machine's path`)
  }
})
