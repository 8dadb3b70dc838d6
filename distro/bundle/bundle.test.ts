// What a start loads: nothing of Node's that costs much and is not needed yet.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '#component/test_host'
import { bundleProgram } from './bundle.ts'

const root = join(import.meta.dirname, '..', '..')

const cases = [
  { name: 'a backend without TLS', url: 'http://127.0.0.1:9/', unwanted: ['tls', 'https', 'http2', 'zlib', 'dgram'] },
  { name: 'a backend with TLS', url: 'https://127.0.0.1:9/', unwanted: ['http2', 'zlib', 'dgram'] },
]

test('of what is expensive to load, only what a configuration needs is loaded', async (t) => {
  const directory = temporaryDirectory(t)
  await bundleProgram(join(directory, 'bundle'))
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const list = join(directory, 'list.cjs')
  writeFileSync(
    list,
    `process.on('exit', () => process.stdout.write(process.moduleLoadList.filter((one) => one.startsWith('NativeModule ')).join('\\n')))\n`,
  )
  for (const { name, url, unwanted } of cases) {
    const config = join(directory, 'config.alloy')
    writeFileSync(
      config,
      `prometheus.exporter.unix "a" { }
prometheus.scrape "a" {
  targets    = prometheus.exporter.unix.a.targets
  forward_to = [prometheus.remote_write.a.receiver]
}
prometheus.remote_write "a" {
  endpoint {
    url = "${url}"
  }
}
`,
    )
    const program = join(directory, 'bundle', 'solder.cjs')
    const said = execFileSync(process.execPath, ['--require', list, program, 'validate', config], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    const loaded = new Set(said.split('\n').map((line) => line.replace('NativeModule ', '')))
    assert.ok(loaded.has('fs') && loaded.has('http'), name)
    for (const module of unwanted) assert.ok(!loaded.has(module), `${name}: ${module}`)
  }
  for (const file of globSync('**/*.cjs', { cwd: join(directory, 'bundle') })) {
    const text = readFileSync(join(directory, 'bundle', file), 'utf8')
    assert.doesNotMatch(text, /require\(.node:(?:tls|https|zlib|child_process|dgram).\)/, file)
  }
})
