// Every package whose code is shipped has its licence in the notices, and none is shipped that we know no licence of.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '#component/test_host'
import { bundleForExecutable, bundleProgram, packagesAtRunTime } from './bundle.ts'
import { nodeLicence, noticesText, packagesOf, shippedPackage } from './notices.ts'

const root = join(import.meta.dirname, '..', '..')

test('each package of which a module is in the bundle is named with its version, and its text is there', async (t) => {
  const directory = temporaryDirectory(t)
  const modules = [...(await bundleProgram(directory)), ...(await bundleForExecutable(directory))]
  const packages = packagesOf(modules)
  // Found another way than by the code: whatever stands between node_modules and the next name.
  const wanted = new Set(['rolldown'])
  for (const module of modules) {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(module) ?? []
    if (name !== undefined) wanted.add(name)
  }
  assert.deepEqual(
    packages.map(({ name }) => name),
    [...wanted].sort(),
  )
  for (const library of packagesAtRunTime) assert.ok(wanted.has(library), library)
  const text = noticesText([nodeLicence(), ...packages])
  for (const { name, version, licence, texts } of packages) {
    assert.ok(text.includes(`  ${name} ${version} (${licence})\n`), name)
    assert.ok(texts.length > 0 && texts.every((one) => one.length > 500 && text.includes(one)), name)
  }
  const node = readFileSync(join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'LICENSE'), 'utf8')
  assert.ok(text.includes(node.trim()))
  assert.ok(text.includes(readFileSync(join(root, 'LICENSE'), 'utf8').trim()))
})

const cases = [
  { name: 'a licence that nobody looked at', manifest: { license: 'AGPL-3.0' }, want: /current value is "AGPL-3\.0"/ },
  {
    name: 'no licence',
    manifest: {},
    want: /Cannot ship p: its licence has to be one of .*: current value is undefined/,
  },
  {
    name: 'two licences',
    manifest: { licenses: [{ type: 'MIT' }, { type: 'X' }] },
    want: /current value is undefined/,
  },
  { name: 'a licence without its text', manifest: { license: 'MIT' }, want: /no text of its licence, MIT/ },
]
for (const { name, manifest, want } of cases) {
  test(`not shipped: ${name}`, (t) => {
    const directory = temporaryDirectory(t)
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'p', version: '1.0.0', ...manifest }))
    writeFileSync(join(directory, 'NOTICE'), 'somebody made this\n')
    assert.throws(() => shippedPackage(directory), want)
  })
}

test('a licence of the old form is taken, and a notice stands after it', (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'p', version: '1.0.0', licenses: [{ type: 'ISC' }] }),
  )
  writeFileSync(join(directory, 'NOTICE.md'), 'made by somebody\n')
  writeFileSync(join(directory, 'licence.txt'), 'the licence\r\nof it\r\n')
  mkdirSync(join(directory, 'lib'))
  assert.deepEqual(shippedPackage(directory), {
    name: 'p',
    version: '1.0.0',
    licence: 'ISC',
    texts: ['the licence\nof it', 'made by somebody'],
  })
})

test('a module from nowhere is not shipped', () => {
  assert.throws(
    () => packagesOf(['\0made/up']),
    /Cannot tell of which package a module is: current value is "\\u0000made\/up"/,
  )
})
