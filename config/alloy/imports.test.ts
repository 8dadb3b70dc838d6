import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  attr,
  Capsule,
  type ComponentDefinition,
  decodeBody,
  defineSettings,
  type Logger,
  OptionalSecret,
  string,
  type Value,
} from '#component'
import { ManualClock } from '#lib/clock'
import { renderDiagnostics } from '../diagnostics.ts'
import type { ExportsView, Plan } from '../plan.ts'
import { compileAlloy } from './compile.ts'
import { importBlocks, type ImportKind } from './config_blocks.ts'
import { ImportStore } from './imports.ts'

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'solder-imports-')))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function newStore(t: TestContext, directory: string): { store: ImportStore; clock: ManualClock } {
  const clock = new ManualClock()
  const store = new ImportStore({ clock, log: silent, userAgent: 'test', storagePath: join(directory, 'storage') })
  t.after(() => store.stop())
  return { store, clock }
}

/** The settings of an import block as a configuration gives them. */
function settingsOf(kind: ImportKind, written: Readonly<Record<string, Value>>): object {
  const attributes = Object.entries(written).map(([name, value]) => ({ name, value }))
  const settings = decodeBody<object>(importBlocks[kind], { attributes, blocks: [] }, (issue) =>
    assert.fail(issue.message),
  )
  return settings ?? assert.fail('not decoded')
}

/** Commands of a repository whose branch is `main`. */
function repository(directory: string): (...args: string[]) => string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false']
  mkdirSync(directory, { recursive: true })
  const git = (...args: string[]): string => {
    return execFileSync('git', ['-C', directory, ...identity, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
  }
  git('init', '--quiet', '--initial-branch=main')
  return git
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const file = {
  name: 'test.file',
  stability: 'generally-available',
  doc: 'For tests.',
  settings: defineSettings({ path: attr(string, 'Path.', { required: true }) }),
  create: () => assert.fail('a configuration that is checked runs nothing'),
} as unknown as ComponentDefinition

const nothingRuns: ExportsView = { exports: () => undefined, receiver: (id) => new Capsule('none', { id }) }

function compile(store: ImportStore, directory: string, text: string): Promise<Plan> {
  return compileAlloy([{ name: 'main.alloy', text }], directory, nothingRuns, store, {
    registry: {
      yamlNames: () => [],
      loadYaml: () => Promise.resolve(undefined),
      names: () => [file.name],
      load: async (name) => (name === file.name ? file : undefined),
    },
    stability: 'generally-available',
    environment: {},
    hostname: 'host',
    version: 'v1',
  })
}

/** Paths of the test components, by node id. */
function pathsOf(plan: Plan): Record<string, unknown> {
  assert.deepEqual(plan.diagnostics, [])
  return Object.fromEntries(
    [...plan.nodes].map(([id, node]) => [id, (node.evaluate(nothingRuns).settings as { path: string }).path]),
  )
}

/** A module that shows its own `module_path`. */
const module = (name: string): string => `declare "${name}" {\n  test.file "f" {\n    path = module_path\n  }\n}\n`

test('a file is a module, and module_path its directory', async (t) => {
  const directory = folder(t)
  write(join(directory, 'lib/m.alloy'), module('m'))
  const { store } = newStore(t, directory)
  const plan = await compile(
    store,
    directory,
    `import.file "lib" { filename = "${directory}/lib/m.alloy" }\nlib.m "a" { }`,
  )
  assert.deepEqual(pathsOf(plan), { 'lib.m.a/test.file.f': join(directory, 'lib') })
})

test('a directory is a module of all its .alloy files, not of those in folders below', async (t) => {
  const directory = folder(t)
  write(join(directory, 'lib/a.alloy'), module('a'))
  write(join(directory, 'lib/b.alloy'), module('b'))
  write(join(directory, 'lib/notes.txt'), 'not read')
  write(join(directory, 'lib/deeper/c.alloy'), module('c'))
  const { store } = newStore(t, directory)
  const uses = 'lib.a "x" { }\nlib.b "x" { }\n'
  const plan = await compile(store, directory, `import.file "lib" { filename = "${directory}/lib" }\n${uses}`)
  assert.deepEqual(pathsOf(plan), {
    'lib.a.x/test.file.f': join(directory, 'lib'),
    'lib.b.x/test.file.f': join(directory, 'lib'),
  })
  const more = await compile(store, directory, `import.file "lib" { filename = "${directory}/lib" }\nlib.c "x" { }\n`)
  assert.match(more.diagnostics[0]?.message ?? '', /cannot find the definition of component name "lib\.c"/)
})

test('a text inherits the module_path around it', async (t) => {
  const directory = folder(t)
  const { store } = newStore(t, directory)
  const content = JSON.stringify(module('m'))
  const plan = await compile(store, '/etc/here', `import.string "lib" { content = ${content} }\nlib.m "a" { }`)
  assert.deepEqual(pathsOf(plan), { 'lib.m.a/test.file.f': '/etc/here' })
})

test('imports inside of imports start from the module_path of the file they stand in', async (t) => {
  const directory = folder(t)
  write(
    join(directory, 'outer/outer.alloy'),
    'import.file "inner" {\n  filename = file.path_join(module_path, "../inner/inner.alloy")\n}\ndeclare "o" {\n  inner.i "x" { }\n}\n',
  )
  write(join(directory, 'inner/inner.alloy'), module('i'))
  const { store } = newStore(t, directory)
  const plan = await compile(
    store,
    '/',
    `import.file "lib" { filename = "${directory}/outer/outer.alloy" }\nlib.o "a" { }`,
  )
  assert.deepEqual(pathsOf(plan), { 'lib.o.a/inner.i.x/test.file.f': join(directory, 'inner') })
})

const faults: readonly { name: string; module: string; want: RegExp }[] = [
  { name: 'a component', module: 'test.file "x" { path = "" }', want: /only declare and import blocks are allowed/ },
  { name: 'an attribute', module: 'a = 1', want: /only declare and import blocks are allowed/ },
  {
    name: 'two imports of one name',
    module: 'import.string "a" { content = "" }\nimport.string "a" { content = "" }',
    want: /import block redefined a/,
  },
  { name: 'a syntax error', module: 'declare "m" {', want: /expected }/ },
]
for (const { name, module: text, want } of faults) {
  test(`a module with ${name} is refused, with its place in the module`, async (t) => {
    const directory = folder(t)
    write(join(directory, 'm.alloy'), text)
    const { store } = newStore(t, directory)
    const plan = await compile(store, directory, `import.file "lib" { filename = "${directory}/m.alloy" }`)
    const [first] = plan.diagnostics
    assert.match(first?.message ?? '', want)
    assert.equal(first?.range.start.file, join(directory, 'm.alloy'))
  })
}

test('of two declarations of one name the first counts, with a warning', async (t) => {
  const directory = folder(t)
  write(join(directory, 'm.alloy'), 'declare "m" {\n  test.file "f" { path = "first" }\n}\ndeclare "m" { }\n')
  const { store } = newStore(t, directory)
  const plan = await compile(store, directory, `import.file "lib" { filename = "${directory}/m.alloy" }\nlib.m "a" { }`)
  assert.deepEqual(
    plan.diagnostics.map(({ severity, message }) => [severity, message]),
    [['warning', 'declare block redefined']],
  )
  assert.deepEqual([...plan.nodes.keys()], ['lib.m.a/test.file.f'])
})

test('a module comes over HTTP, with the method, headers and body asked for, and may not read files', async (t) => {
  const asked: { method: string | undefined; key: string | string[] | undefined; body: string }[] = []
  const answer = async (request: IncomingMessage): Promise<string> => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    asked.push({ method: request.method, key: request.headers['x-key'], body })
    return request.url === '/lib/files.alloy' ? 'import.file "f" { filename = "/etc/passwd" }' : module('m')
  }
  const server = createServer((request, response) => void answer(request).then((text) => response.end(text)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lib/`
  const directory = folder(t)
  const { store } = newStore(t, directory)
  const settings = `method = "POST"\n  headers = {"x-key" = "k"}\n  body = "please"\n`
  const plan = await compile(
    store,
    directory,
    `import.http "lib" {\n  url = "${url}m.alloy"\n  ${settings}}\nlib.m "a" { }`,
  )
  assert.deepEqual(pathsOf(plan), { 'lib.m.a/test.file.f': url })
  assert.deepEqual(asked, [{ method: 'POST', key: 'k', body: 'please' }])
  const files = await compile(store, directory, `import.http "lib" { url = "${url}files.alloy" }`)
  assert.match(
    files.diagnostics[0]?.message ?? '',
    /an import\.file block in a module from import\.http is not supported/,
  )
})

test('a module comes from a git repository: a branch, a tag or a commit, a file or a directory', async (t) => {
  const directory = folder(t)
  const origin = join(directory, 'origin')
  const git = repository(origin)
  write(join(origin, 'lib/m.alloy'), 'one')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  git('tag', 'v1')
  const first = git('rev-parse', 'HEAD')
  git('checkout', '--quiet', '-b', 'other')
  write(join(origin, 'lib/m.alloy'), 'other')
  git('commit', '--quiet', '-am', 'other')
  git('checkout', '--quiet', 'main')
  write(join(origin, 'lib/m.alloy'), 'two')
  git('commit', '--quiet', '-am', 'two')
  const { store } = newStore(t, directory)
  const cases = [
    { revision: undefined, path: 'lib/m.alloy', want: 'two' },
    { revision: 'main', path: 'lib', want: 'two' },
    { revision: 'other', path: 'lib/m.alloy', want: 'other' },
    { revision: 'v1', path: 'lib/m.alloy', want: 'one' },
    { revision: first, path: 'lib/m.alloy', want: 'one' },
  ]
  for (const { revision, path, want } of cases) {
    const written: Record<string, Value> = { repository: origin, path, ...(revision === undefined ? {} : { revision }) }
    const { files, directory: root } = await store.read('import.git', settingsOf('import.git', written), '/')
    assert.deepEqual(
      files.map((each) => each.text),
      [want],
      `${revision ?? 'the default'}`,
    )
    assert.ok(files[0]?.name.startsWith(`${root}/lib/`))
  }
})

test('what git cannot give is refused, and nothing outside of the repository is read', async (t) => {
  const directory = folder(t)
  const origin = join(directory, 'origin')
  const git = repository(origin)
  write(join(directory, 'storage/secret.alloy'), 'outside')
  symlinkSync(join(directory, 'storage/secret.alloy'), join(origin, 'link.alloy'))
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  const { store } = newStore(t, directory)
  const cases: readonly [Record<string, string>, RegExp][] = [
    [{ repository: join(directory, 'nope'), path: 'm' }, /Cannot read .*nope: git clone: /],
    [{ repository: origin, path: 'link.alloy', revision: 'nope' }, /Cannot find revision "nope"/],
    [{ repository: origin, path: 'link.alloy', revision: '--help' }, /Cannot find revision "--help"/],
    [{ repository: origin, path: 'missing.alloy' }, /ENOENT/],
    [{ repository: origin, path: 'link.alloy' }, /it leads out of the repository/],
    [{ repository: origin, path: '../../secret.alloy' }, /it leads out of the repository/],
  ]
  for (const [written, want] of cases) {
    await assert.rejects(store.read('import.git', settingsOf('import.git', written), '/'), want)
  }
  const plan = await compile(
    store,
    '/',
    `import.git "g" {\n  repository = "${origin}"\n  path = "m"\n  revision = "HEAD"\n}`,
  )
  assert.match(plan.diagnostics[0]?.message ?? '', /revision cannot be a special git reference/)
})

test('a change in a git repository is noticed when it is pulled again', async (t) => {
  const directory = folder(t)
  const origin = join(directory, 'origin')
  const git = repository(origin)
  write(join(origin, 'm.alloy'), 'one')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  const { store, clock } = newStore(t, directory)
  const settings = settingsOf('import.git', { repository: origin, path: 'm.alloy', pull_frequency: '5s' })
  store.beginUse()
  assert.equal((await store.read('import.git', settings, '/')).files[0]?.text, 'one')
  store.endUse()
  let changes = 0
  store.start(() => changes++)
  write(join(origin, 'm.alloy'), 'two')
  git('commit', '--quiet', '-am', 'two')
  clock.advance(5000)
  await until(() => changes === 1)
  assert.equal((await store.read('import.git', settings, '/')).files[0]?.text, 'two')
})

test('a changed file is noticed by watching and by polling', async (t) => {
  for (const detector of ['fsnotify', 'poll']) {
    const directory = folder(t)
    const path = join(directory, 'm.alloy')
    write(path, 'one')
    const { store, clock } = newStore(t, directory)
    const settings = settingsOf('import.file', { filename: path, detector, poll_frequency: '5s' })
    assert.equal((await store.read('import.file', settings, '/')).files[0]?.text, 'one')
    let changes = 0
    store.start(() => changes++)
    write(path, 'two')
    if (detector === 'poll') clock.advance(5000)
    await until(() => changes > 0)
    assert.equal((await store.read('import.file', settings, '/')).files[0]?.text, 'two')
  }
})

test('a file that imports itself is found to have no end, however often it does', async (t) => {
  const directory = folder(t)
  const path = join(directory, 'm.alloy')
  write(path, `import.file "a" { filename = "${path}" }\nimport.file "b" { filename = "${path}" }\n`)
  const { store } = newStore(t, directory)
  const plan = await compile(store, directory, `import.file "lib" { filename = "${path}" }`)
  assert.deepEqual(
    plan.diagnostics.map(({ message }) => message),
    ['imports are nested deeper than 32: does a file import itself?'],
  )
})

test('modules that multiply are stopped at a number of instances', async (t) => {
  const directory = folder(t)
  const { store } = newStore(t, directory)
  let text = 'declare "d0" { }\n'
  for (let i = 1; i <= 30; i++) text += `declare "d${i}" {\n  d${i - 1} "x" { }\n  d${i - 1} "y" { }\n}\n`
  const plan = await compile(store, directory, `${text}d30 "z" { }\n`)
  assert.match(plan.diagnostics[0]?.message ?? '', /more than \d+ instances/)
})

test('a declaration may have the name of another one outside without being it', async (t) => {
  const directory = folder(t)
  const { store } = newStore(t, directory)
  const text = `declare "b" {\n  a "x" { }\n}\ndeclare "a" {\n  declare "b" { }\n  declare "c" {\n    b "x" { }\n  }\n  c "x" { }\n}\nb "x" { }`
  const plan = await compile(store, directory, text)
  assert.deepEqual(plan.diagnostics, [])
})

test('a module that is a secret is not quoted where it is wrong', async (t) => {
  const directory = folder(t)
  const { store } = newStore(t, directory)
  const secretModule = new OptionalSecret(
    'declare "hush" {\n  sesame.sesame "x" { }\n  test.file "f" { path = "sesame" - 1 }\n}\n',
    true,
  )
  const exported = new Map<string, Value>([['content', secretModule]])
  const view: ExportsView = { ...nothingRuns, exports: () => exported }
  const source = {
    ...file,
    name: 'test.source',
    settings: defineSettings({}),
    exports: { content: { type: 'optional_secret', doc: 'Text.' } },
  } as unknown as ComponentDefinition
  const text = 'test.source "s" { }\nimport.string "lib" { content = test.source.s.content }\nlib.hush "a" { }'
  const plan = await compileAlloy([{ name: 'main.alloy', text }], directory, view, store, {
    registry: {
      yamlNames: () => [],
      loadYaml: () => Promise.resolve(undefined),
      names: () => [],
      load: async (name) => [file, source].find((each) => each.name === name),
    },
    stability: 'generally-available',
    environment: {},
    hostname: 'host',
    version: 'v1',
  })
  assert.deepEqual([...plan.structuralReads], ['test.source.s'])
  assert.ok(plan.diagnostics.length > 0)
  for (const { message } of plan.diagnostics) assert.equal(message, 'there is an error in a text that is a secret')
  assert.doesNotMatch(renderDiagnostics(plan.diagnostics, plan.sources, { color: false }), /sesame/)
})
