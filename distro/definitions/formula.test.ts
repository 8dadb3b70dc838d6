// What a formula is refused for, and what of a URL could be Ruby.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { containerfile } from './containerfile.ts'
import { formula } from './formula.ts'

const executables = new Map([['linux-arm64', 'solder-1.0.0-linux-arm64']])
const checksums = new Map([
  ['solder-1.0.0-linux-arm64', 'a'.repeat(64)],
  ['config.alloy', 'b'.repeat(64)],
])
const release = { baseUrl: 'https://h/solder', version: '1.0.0', checksums }

test('only what was built is in it', () => {
  const text = formula(release, executables)
  assert.match(
    text,
    /on_arm do\n +url "https:\/\/h\/solder\/v1\.0\.0\/solder-1\.0\.0-linux-arm64", using: :nounzip\n +sha256 "a{64}"/,
  )
  assert.ok(!text.includes('on_intel'))
  const image = containerfile({ version: '1.0.0', executables, notices: 'n.txt' })
  assert.match(image, /^FROM base AS executable-arm64$/m)
  assert.ok(!image.includes('executable-amd64'))
})

test('a URL cannot become Ruby', () => {
  const text = formula({ ...release, baseUrl: 'https://h/#{exit}"' }, executables)
  assert.match(text, /homepage "https:\/\/h\/\\#\{exit\}\\""/)
})

const refusals = [
  {
    name: 'a base that is a path',
    use: () => formula({ ...release, baseUrl: 'file:///dist' }, executables),
    want: /releases are at an http or https URL: current value is file:\/\/\/dist/,
  },
  {
    name: 'a base that is no URL',
    use: () => formula({ ...release, baseUrl: 'dist' }, executables),
    want: /Invalid URL/,
  },
  {
    name: 'a file without a checksum',
    use: () => formula({ ...release, checksums: new Map([...checksums].slice(0, 1)) }, executables),
    want: /there is no checksum of config\.alloy/,
  },
  {
    name: 'no executable for Linux',
    use: () => formula(release, new Map([['win-x64', 'solder-1.0.0-win-x64.exe']])),
    want: /Cannot write a formula: there is no executable for Linux/,
  },
  {
    name: 'no executable for an image',
    use: () => containerfile({ version: '1.0.0', executables: new Map(), notices: 'n.txt' }),
    want: /Cannot write a Containerfile: there is no executable for Linux/,
  },
]
for (const { name, use, want } of refusals) {
  test(`refused: ${name}`, () => {
    assert.throws(use, want)
  })
}
