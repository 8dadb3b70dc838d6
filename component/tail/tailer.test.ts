import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { bz2Hello } from './fixture_bytes.ts'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { ConsumeError } from '#component'
import { TestHost } from '#component/test_host'
import { lineEncoding } from './encoding.ts'
import { Positions } from './positions.ts'
import { Tailer, type TailerSettings } from './tailer.ts'

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tail-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const fast: TailerSettings = { encoding: lineEncoding(''), minPollMs: 5, maxPollMs: 20, fromEnd: false }

class Bench {
  readonly directory: string
  readonly host = new TestHost()
  readonly lines: string[] = []
  readonly perPath = new Map<string, string[]>()
  readonly #waiting: { condition: () => boolean; resolve: () => void }[] = []
  positions: Positions
  tailer: Tailer<null>
  refuse: (lines: string[]) => void | Promise<void> = () => {}
  #settings: TailerSettings

  constructor(directory: string, settings: Partial<TailerSettings> = {}) {
    this.directory = directory
    this.#settings = { ...fast, ...settings }
    this.positions = this.#makePositions()
    this.tailer = this.#make()
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  #makePositions(): Positions {
    const { clock, log } = this.host
    return new Positions({ path: this.path('positions.yml'), clock, log })
  }

  #make(): Tailer<null> {
    const { clock, log, counters } = this.host
    return new Tailer<null>({
      clock,
      log,
      counters,
      positions: this.positions,
      settings: this.#settings,
      consume: async (file, lines) => {
        await this.refuse(lines)
        for (const line of lines) this.lines.push(line)
        const own = this.perPath.get(file.path) ?? []
        this.perPath.set(file.path, own)
        own.push(...lines)
        counters.out += lines.length
        this.#changed()
      },
    })
  }

  async start(names: readonly string[]): Promise<void> {
    await this.positions.load()
    this.set(names)
    this.tailer.start()
  }

  set(names: readonly string[]): void {
    this.tailer.set(names.map((name) => ({ path: this.path(name), labels: '{}', context: null })))
  }

  async stop(): Promise<void> {
    await this.tailer.stop(1000)
    await this.positions.stop()
  }

  /** Stop, and begin anew as another process would. */
  async restart(names: readonly string[], between: () => void = () => {}): Promise<void> {
    await this.stop()
    between()
    this.positions = this.#makePositions()
    this.tailer = this.#make()
    await this.start(names)
  }

  #changed(): void {
    for (const [i, { condition, resolve }] of [...this.#waiting.entries()].reverse()) {
      if (!condition()) continue
      this.#waiting.splice(i, 1)
      resolve()
    }
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve })
      this.#changed()
    })
  }

  async expect(...lines: string[]): Promise<void> {
    await this.until(() => this.lines.length >= lines.length)
    assert.deepEqual(this.lines, lines)
  }
}

async function bench(t: TestContext, settings: Partial<TailerSettings> = {}): Promise<Bench> {
  const one = new Bench(temporary(t), settings)
  t.after(() => one.stop())
  return one
}

async function passed(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** Wait until the tailer says so of its own counts. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await passed(5)
}

test('A file is read from its start, then what is appended; a line without an end waits for it', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\r\ntwo\n\nthr')
  await b.start(['a.log'])
  await b.expect('one', 'two', '')
  appendFileSync(b.path('a.log'), 'ee\nfour\n')
  await b.expect('one', 'two', '', 'three', 'four')
  assert.equal(b.host.counters.in, b.host.counters.out)
})

test('A file that comes later is read whole, also where others are read from their end', async (t) => {
  const b = await bench(t, { fromEnd: true })
  writeFileSync(b.path('old.log'), 'old\nhalf')
  await b.start(['old.log', 'new.log'])
  await eventually(() => b.tailer.files.some((file) => file.began))
  writeFileSync(b.path('new.log'), 'new\n')
  await b.expect('new')
  appendFileSync(b.path('old.log'), ' a line\n')
  await b.expect('new', 'half a line')
})

test('A file of gigabytes is read from its end', async (t) => {
  const b = await bench(t, { fromEnd: true })
  writeFileSync(b.path('a.log'), '')
  truncateSync(b.path('a.log'), 5 * 1024 ** 3)
  appendFileSync(b.path('a.log'), '\nold\n')
  await b.start(['a.log'])
  await eventually(() => b.tailer.files.some((file) => file.began))
  appendFileSync(b.path('a.log'), 'new\n')
  await b.expect('new')
})

test('A file that is renamed is drained, its last line without an end included, before the new one begins', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  appendFileSync(b.path('a.log'), 'two\nthree without an end')
  renameSync(b.path('a.log'), b.path('a.log.1'))
  writeFileSync(b.path('a.log'), 'four\n')
  await b.expect('one', 'two', 'three without an end', 'four')
})

test('A writer that goes on with the renamed file is read until it uses the new one', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  renameSync(b.path('a.log'), b.path('a.log.1'))
  writeFileSync(b.path('a.log'), '')
  await eventually(() => b.tailer.counts.rotations === 1)
  appendFileSync(b.path('a.log.1'), 'two\nthr')
  await b.expect('one', 'two')
  appendFileSync(b.path('a.log.1'), 'ee\n')
  appendFileSync(b.path('a.log'), 'four\n')
  await b.expect('one', 'two', 'three', 'four')
  appendFileSync(b.path('a.log.1'), 'late\n')
  await b.expect('one', 'two', 'three', 'four', 'late')
})

test('Files that are rotated while the next consumer takes nothing are all read, in order', async (t) => {
  const b = await bench(t)
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  b.refuse = () => opened
  writeFileSync(b.path('a.log'), '0\n')
  await b.start(['a.log'])
  for (let i = 1; i <= 5; i++) {
    await eventually(() => b.tailer.counts.descriptors === i)
    renameSync(b.path('a.log'), b.path(`a.log.${i}`))
    writeFileSync(b.path('a.log'), `${i}\n`)
  }
  await eventually(() => b.tailer.counts.descriptors === 6)
  open()
  await b.expect('0', '1', '2', '3', '4', '5')
})

test('A file that is truncated after it was copied is read from its start', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo\n')
  await b.start(['a.log'])
  await b.expect('one', 'two')
  copyFileSync(b.path('a.log'), b.path('a.log.1'))
  truncateSync(b.path('a.log'))
  appendFileSync(b.path('a.log'), '3\n')
  await b.expect('one', 'two', '3')
  truncateSync(b.path('a.log'))
  // Longer at once than it was: its first bytes tell.
  appendFileSync(b.path('a.log'), 'four is longer\nfive\n')
  await b.expect('one', 'two', '3', 'four is longer', 'five')
  assert.equal(b.tailer.counts.truncations, 2)
})

test('A file that is deleted and made anew is read from its start', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo without an end')
  await b.start(['a.log'])
  await b.expect('one')
  unlinkSync(b.path('a.log'))
  writeFileSync(b.path('a.log'), 'three\n')
  await b.expect('one', 'two without an end', 'three')
})

test('A file that is written anew with what it had and more goes on where it was', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo\n')
  await b.start(['a.log'])
  await b.expect('one', 'two')
  appendFileSync(b.path('a.log'), 'three\n')
  await b.expect('one', 'two', 'three')
  writeFileSync(b.path('.a.log.new'), 'one\ntwo\nthree\nfour\n')
  renameSync(b.path('.a.log.new'), b.path('a.log'))
  await b.expect('one', 'two', 'three', 'four')
})

test('The last line of a file that is gone comes without its end', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo')
  await b.start(['a.log'])
  await b.expect('one')
  unlinkSync(b.path('a.log'))
  await b.expect('one', 'two')
})

test('A link is followed to where it points, now and later', async (t) => {
  const b = await bench(t)
  mkdirSync(b.path('real'))
  writeFileSync(b.path('real/1.log'), 'one\n')
  symlinkSync(b.path('real/1.log'), b.path('a.log'))
  await b.start(['a.log'])
  await b.expect('one')
  appendFileSync(b.path('real/1.log'), 'two\n')
  await b.expect('one', 'two')
  writeFileSync(b.path('real/2.log'), 'three\n')
  symlinkSync(b.path('real/2.log'), b.path('b.log'))
  renameSync(b.path('b.log'), b.path('a.log'))
  await b.expect('one', 'two', 'three')
})

test('A file with two names is read under both', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  linkSync(b.path('a.log'), b.path('b.log'))
  await b.start(['a.log', 'b.log'])
  await b.until(() => b.lines.length >= 2)
  assert.deepEqual([...b.perPath.values()], [['one'], ['one']])
})

test('A name that a file got by rotation does not make it read twice', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo\n')
  await b.start(['a.log'])
  await b.expect('one', 'two')
  renameSync(b.path('a.log'), b.path('a.log.1'))
  writeFileSync(b.path('a.log'), 'three\n')
  b.set(['a.log', 'a.log.1'])
  await b.expect('one', 'two', 'three')
  appendFileSync(b.path('a.log'), 'four\n')
  await b.expect('one', 'two', 'three', 'four')
})

test('After a restart a rotated file that is a target of its own is not read twice', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  await b.restart(['a.log', 'a.log.1', 'a.log.2'], () => {
    appendFileSync(b.path('a.log'), 'two\n')
    renameSync(b.path('a.log'), b.path('a.log.2'))
    writeFileSync(b.path('a.log.1'), 'three\n')
    writeFileSync(b.path('a.log'), 'four\n')
  })
  await b.until(() => b.lines.length >= 4)
  appendFileSync(b.path('a.log'), 'end\n')
  await b.until(() => b.lines.at(-1) === 'end')
  assert.deepEqual(b.lines.toSorted(), ['end', 'four', 'one', 'three', 'two'])
})

test('A target that goes and comes back goes on where it was; one that goes is read to its end', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  appendFileSync(b.path('a.log'), 'two\n')
  b.set([])
  await b.expect('one', 'two')
  b.set(['a.log'])
  appendFileSync(b.path('a.log'), 'three\n')
  await b.expect('one', 'two', 'three')
})

test('What the next consumer refuses for now is tried again; what it refuses for good is counted', async (t) => {
  const b = await bench(t)
  let tries = 0
  b.refuse = ([line]) => {
    if (line === 'bad') throw new ConsumeError('Cannot take it', { retryable: false })
    if (tries++ < 2) throw new ConsumeError('Cannot take it yet', { retryable: true, retryAfterMs: 1 })
  }
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  appendFileSync(b.path('a.log'), 'bad\n')
  await eventually(() => b.host.counters.dropped === 1)
  appendFileSync(b.path('a.log'), 'two\n')
  await b.expect('one', 'two')
  const { counters } = b.host
  assert.equal(counters.in, counters.out + counters.dropped)
})

test('A line that was not taken before a stop is read again after it', async (t) => {
  const b = await bench(t)
  b.refuse = () => {
    throw new ConsumeError('Cannot take it yet', { retryable: true, retryAfterMs: 60_000 })
  }
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await eventually(() => b.tailer.waiting === 1)
  await b.restart(['a.log'], () => (b.refuse = () => {}))
  await b.expect('one')
  assert.equal(b.host.counters.in, 1)
})

const restarts: { name: string; between: (path: (name: string) => string) => void; want: string[] }[] = [
  {
    name: 'nothing happened',
    between: () => {},
    want: [],
  },
  {
    name: 'lines were appended',
    between: (path) => appendFileSync(path('a.log'), '-half\nthree\n'),
    want: ['two-half', 'three'],
  },
  {
    name: 'the file was renamed and a new one begun',
    between: (path) => {
      appendFileSync(path('a.log'), '-half\n')
      renameSync(path('a.log'), path('a.log.1'))
      writeFileSync(path('a.log'), 'three\n')
    },
    want: ['two-half', 'three'],
  },
  {
    name: 'the file was rotated several times',
    between: (path) => {
      appendFileSync(path('a.log'), '-half\n')
      renameSync(path('a.log'), path('a.log.2'))
      writeFileSync(path('a.log'), 'three\n')
      renameSync(path('a.log'), path('a.log.1'))
      writeFileSync(path('a.log.extra'), 'of another program\n')
      writeFileSync(path('a.log'), 'four\n')
    },
    want: ['two-half', 'three', 'four'],
  },
  {
    name: 'the file was truncated',
    between: (path) => {
      truncateSync(path('a.log'))
      appendFileSync(path('a.log'), 'three is longer than what was there\n')
    },
    want: ['three is longer than what was there'],
  },
  {
    name: 'the file was deleted and made anew',
    between: (path) => {
      unlinkSync(path('a.log'))
      writeFileSync(path('a.log'), 'three\nand four\n')
    },
    want: ['three', 'and four'],
  },
  {
    name: 'the position is beyond the end of a file that is another',
    between: (path) => {
      unlinkSync(path('a.log'))
      writeFileSync(path('a.log'), 'three\n')
      const text = readFileSync(path('positions.yml'), 'utf8')
      writeFileSync(path('positions.yml'), text.replace(/: "\d+"/, ': "123456789"'))
    },
    want: ['three'],
  },
  {
    name: 'the positions were broken',
    between: (path) => writeFileSync(path('positions.yml'), 'positions: [\0'),
    want: ['one'],
  },
]

for (const { name, between, want } of restarts) {
  test(`After a restart reading goes on where it was: ${name}`, async (t) => {
    const b = await bench(t)
    writeFileSync(b.path('a.log'), 'one\ntwo')
    await b.start(['a.log'])
    await b.expect('one')
    await b.restart(['a.log'], () => between((file) => b.path(file)))
    appendFileSync(b.path('a.log'), '\nend\n')
    await b.until(() => b.lines.at(-1) === 'end')
    const got = b.lines.slice(1, -1)
    assert.deepEqual(
      got.filter((line) => line !== ''),
      want.length > 0 && want[0] !== 'one' ? want : [...want, 'two'],
    )
    assert.equal(b.positions.corrupt, want[0] === 'one' ? 1 : 0)
  })
}

const encodings: { name: string; bytes: Buffer; want: string[] }[] = [
  { name: '', bytes: Buffer.from('é漢\n\u{1f600}\n'), want: ['é漢', '\u{1f600}'] },
  { name: '', bytes: Buffer.from('\ufeffone\ntwo\n'), want: ['one', 'two'] },
  { name: '', bytes: Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x00, 0x0a]), want: ['a\ufffdb', '\0'] },
  { name: 'utf-16le', bytes: Buffer.from('é漢\r\nĊ\u0a00x\n', 'utf16le'), want: ['é漢', 'Ċ\u0a00x'] },
  { name: '', bytes: Buffer.from('\ufeffé漢\n', 'utf16le'), want: ['é漢'] },
  { name: '', bytes: Buffer.from('\ufeffé漢\nx\n', 'utf16le').swap16(), want: ['é漢', 'x'] },
  { name: 'UTF-16', bytes: Buffer.from('é漢\n\u0a00\u000b\n', 'utf16le').swap16(), want: ['é漢', '\u0a00\u000b'] },
  { name: 'UTF-16BE', bytes: Buffer.from('é漢\n', 'utf16le').swap16(), want: ['é漢'] },
  { name: 'ISO-8859-1', bytes: Buffer.from([0xe9, 0x80, 0x0a]), want: ['é\u0080'] },
  { name: 'windows-1252', bytes: Buffer.from([0xe9, 0x80, 0x0a]), want: ['é€'] },
  { name: 'Shift_JIS', bytes: Buffer.from([0x8a, 0xbf, 0x0d, 0x0a]), want: ['漢'] },
]

for (const { name, bytes, want } of encodings) {
  test(`A file in ${name || 'no encoding that is said'} (${bytes.toString('hex').slice(0, 24)}) is read as text`, async (t) => {
    const b = await bench(t, { encoding: lineEncoding(name) })
    // By and by: characters and lines come in pieces.
    writeFileSync(b.path('a.log'), bytes.subarray(0, 1))
    await b.start(['a.log'])
    await eventually(() => b.tailer.files.some((file) => file.began))
    for (const byte of bytes.subarray(1)) appendFileSync(b.path('a.log'), Buffer.of(byte))
    await b.expect(...want)
  })
}

test('A line that is too long is cut, marked and counted, and the next one is whole', async (t) => {
  const b = await bench(t, { lineBytesMax: 100_000, chunkBytes: 4096 })
  const long = 'é'.repeat(1_000_000)
  writeFileSync(b.path('a.log'), `${'x'.repeat(99_000)}\n${long}\nshort\n`)
  await b.start(['a.log'])
  await b.until(() => b.lines.length >= 3)
  assert.deepEqual(b.lines, ['x'.repeat(99_000), `${'é'.repeat(50_000)} [line cut after 100000 bytes]`, 'short'])
  assert.equal(b.tailer.counts.cutLines, 1)
  assert.equal(b.tailer.counts.cutBytes, 2_000_000 - 100_000 + 1)
})

test('A line of a hundred megabytes is cut without being held, NUL bytes and what is no UTF-8 are handed on', async (t) => {
  const b = await bench(t)
  const megabyte = Buffer.alloc(1 << 20, 'x')
  for (let i = 0; i < 100; i++) appendFileSync(b.path('a.log'), megabyte)
  // As a crash of the machine leaves it, and as a program that logs what it was sent.
  appendFileSync(
    b.path('a.log'),
    Buffer.concat([Buffer.from('\n'), Buffer.alloc(5000), Buffer.from([0xff, 0xfe, 0xc3, 0x0a])]),
  )
  appendFileSync(b.path('a.log'), 'end\n')
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
  let most = 0
  b.refuse = () => {
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    most = Math.max(most, arrayBuffers + heapUsed - before)
  }
  await b.start(['a.log'])
  await b.until(() => b.lines.at(-1) === 'end')
  assert.deepEqual(
    b.lines.map((line) => line.length),
    [(1 << 20) + ' [line cut after 1048576 bytes]'.length, 5003, 3],
  )
  assert.equal(b.lines[1], `${'\0'.repeat(5000)}\ufffd\ufffd\ufffd`)
  assert.equal(b.tailer.counts.cutBytes, (99 << 20) + 1)
  assert.ok(most < 50e6, `${most} bytes were held`)
})

test('A file that shrinks is read anew, one whose directory vanishes and comes back goes on', async (t) => {
  const b = await bench(t)
  mkdirSync(b.path('d'))
  writeFileSync(b.path('d/a.log'), 'one\ntwo\nthree\n')
  await b.start(['d/a.log'])
  await b.expect('one', 'two', 'three')
  truncateSync(b.path('d/a.log'), 4)
  await b.expect('one', 'two', 'three', 'one')
  renameSync(b.path('d'), b.path('away'))
  await eventually(() => (b.tailer.debug() as { failure?: string }[])[0]?.failure !== undefined)
  renameSync(b.path('away'), b.path('d'))
  appendFileSync(b.path('d/a.log'), 'four\n')
  await b.expect('one', 'two', 'three', 'one', 'four')
  rmSync(b.path('d'), { recursive: true })
  await eventually(() => (b.tailer.debug() as { failure?: string }[])[0]?.failure !== undefined)
  mkdirSync(b.path('d'))
  writeFileSync(b.path('d/a.log'), 'five\n')
  await b.expect('one', 'two', 'three', 'one', 'four', 'five')
})

test('A restart within a line that was cut passes over the rest of it', async (t) => {
  const b = await bench(t, { lineBytesMax: 1000 })
  writeFileSync(b.path('a.log'), 'x'.repeat(5000))
  await b.start(['a.log'])
  await b.until(() => b.lines.length === 1)
  await eventually(() => b.tailer.counts.cutBytes === 4000)
  await b.restart(['a.log'], () => appendFileSync(b.path('a.log'), 'rest\nnext\n'))
  await b.until(() => b.lines.length === 2)
  assert.equal(b.lines[1], 'next')
})

const compressions = {
  gz: (text: string) => Buffer.concat([gzipSync(text.slice(0, 5)), gzipSync(text.slice(5))]),
  z: (text: string) => deflateSync(text),
  zst: (text: string) => zstdCompressSync(text),
  bz2: () => bz2Hello,
} as const

for (const [format, compress] of Object.entries(compressions)) {
  test(`A file compressed with ${format} is read once, to its last line`, async (t) => {
    const compression = { format: format as keyof typeof compressions, delayMs: 0 }
    const b = await bench(t, { compression })
    writeFileSync(b.path('a'), compress('hello\r\nworld\nend'))
    writeFileSync(b.path('b'), 'no such thing')
    await b.start(['a', 'b'])
    await b.expect('hello', 'world', 'end')
    await b.restart(['a'])
    writeFileSync(b.path('c'), compress('hello\r\nworld\nend'))
    b.set(['a', 'c'])
    await b.expect('hello', 'world', 'end', 'hello', 'world', 'end')
  })
}

test('Many files are tailed with few descriptors, rotations included', async (t) => {
  const b = await bench(t, { filesOpenMax: 8 })
  const names = Array.from({ length: 100 }, (_, i) => `${i}.log`)
  for (const name of names) writeFileSync(b.path(name), `${name} 1\n`)
  await b.start(names)
  await b.until(() => b.lines.length === 100)
  await eventually(() => b.tailer.counts.descriptors <= 8)
  for (const name of names) {
    appendFileSync(b.path(name), `${name} 2\n`)
    renameSync(b.path(name), b.path(`${name}.1`))
    writeFileSync(b.path(name), `${name} 3\n`)
  }
  await b.until(() => b.lines.length >= 300)
  for (const name of names) {
    assert.deepEqual(
      b.perPath.get(b.path(name)),
      [1, 2, 3].map((n) => `${name} ${n}`),
    )
  }
})

test('Positions are in the form that Alloy reads, and seldom written', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\n')
  await b.start(['a.log'])
  await b.expect('one')
  for (let i = 0; i < 50; i++) {
    appendFileSync(b.path('a.log'), `${i}\n`)
    await b.until(() => b.lines.at(-1) === String(i))
  }
  assert.equal(b.positions.writes, 0, 'none within ten seconds')
  await b.stop()
  assert.equal(b.positions.writes, 1)
  const text = readFileSync(b.path('positions.yml'), 'utf8')
  const { size } = { size: readFileSync(b.path('a.log')).length }
  assert.ok(
    text.startsWith(`positions:\n  ? path: "${b.path('a.log')}"\n    labels: "{}"\n  : "${size}"\nfiles:\n`),
    text,
  )
  // At a write every ten seconds: what an hour of steady logging costs.
  t.diagnostic(`${text.length * 360} bytes of positions in an hour for a file that always grows`)
})

/** A process that tails, once it has begun. */
async function tailInChild(directory: string, got: string, mode: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'fixture_tail.ts'), [directory, got, mode])
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', () => reject(new Error('it ended')))
  })
  return child
}

const ended = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('exit', () => resolve()))

const modes: {
  mode: string
  doubledMax: (journal: { linesInChunkMax: number; repeated: number }) => number
  name: string
}[] = [
  { mode: 'seldom', name: 'what was read since positions were written', doubledMax: () => 60_000 },
  {
    mode: 'journal',
    name: 'one chunk, and counted',
    doubledMax: ({ linesInChunkMax, repeated }) => Math.min(linesInChunkMax, repeated),
  },
]

for (const { mode, name, doubledMax } of modes) {
  test(`No line is missing after rotations, stops and SIGKILL; doubles come after SIGKILL only: ${name}`, async (t) => {
    await rotateAndKill(t, mode, doubledMax)
  })
}

async function rotateAndKill(
  t: TestContext,
  mode: string,
  doubledMax: (typeof modes)[number]['doubledMax'],
): Promise<void> {
  const directory = temporary(t)
  const got = join(directory, 'got')
  const log = join(directory, 'a.log')
  writeFileSync(got, '')
  let n = 0
  let rotations = 0
  writeFileSync(log, '')
  let child = await tailInChild(directory, got, mode)
  t.after(() => child.kill('SIGKILL'))
  const write = async (lines: number): Promise<void> => {
    for (let i = 0; i < lines; i += 500) {
      let text = ''
      for (let j = 0; j < 500; j++) text += `line ${n++} ${'x'.repeat(n % 200)}\n`
      appendFileSync(log, text)
      await passed(0)
    }
  }
  const rotate = (): void => {
    for (let i = rotations; i >= 1; i--) renameSync(`${log}.${i}`, `${log}.${i + 1}`)
    renameSync(log, `${log}.1`)
    rotations++
  }
  for (let round = 0; round < 12; round++) {
    await write(10_000)
    rotate()
    await write(2000)
    if (round === 3 || round === 8) {
      child.kill('SIGTERM')
      await ended(child)
      await write(1000)
      rotate()
      await write(1000)
      rotate()
      await write(1000)
      child = await tailInChild(directory, got, mode)
    }
    if (round === 6) {
      child.kill('SIGKILL')
      await ended(child)
      rotate()
      await write(1000)
      child = await tailInChild(directory, got, mode)
    }
  }
  const last = `line ${n - 1} `
  await eventually(() => readFileSync(got, 'utf8').includes(last))
  child.kill('SIGTERM')
  await ended(child)
  const times = new Uint8Array(n)
  for (const line of readFileSync(got, 'utf8').split('\n')) {
    const match = /^line (\d+) (x*)$/.exec(line)
    if (match) times[Number(match[1])]!++
  }
  const missing = times.filter((count) => count === 0).length
  const doubled = times.filter((count) => count > 1).length
  t.diagnostic(`${n} lines, ${rotations} rotations, ${missing} missing, ${doubled} doubled after one SIGKILL`)
  assert.equal(missing, 0)
  const repeated = Number(readFileSync(join(directory, 'repeated'), 'utf8'))
  // A line has 109 bytes on average; no 128 KiB of them are twice as many.
  const most = doubledMax({ linesInChunkMax: 2500, repeated })
  assert.ok(doubled <= most, `${doubled} lines are doubled, ${repeated} counted, at most ${most} may be`)
}

test('A journal that is torn is read up to there, one that is damaged is set aside and counted', async (t) => {
  const b = await bench(t)
  writeFileSync(b.path('a.log'), 'one\ntwo\nthree\n')
  const record = JSON.stringify([b.path('a.log'), '{}', '4', '', '8'])
  writeFileSync(b.path('positions.yml.journal'), `${record}\n["torn`)
  await b.start(['a.log'])
  await b.expect('two', 'three')
  await eventually(() => b.tailer.counts.repeatedLines === 1)
  assert.equal(b.positions.corrupt, 0)
  await b.restart(['a.log'], () => {
    assert.throws(() => readFileSync(b.path('positions.yml.journal')), 'its content is in the positions now')
    writeFileSync(b.path('positions.yml.journal'), 'no journal\n')
    appendFileSync(b.path('a.log'), 'four\n')
  })
  await b.expect('two', 'three', 'four')
  assert.equal(b.positions.corrupt, 1)
  assert.equal(readFileSync(b.path('positions.yml.journal.corrupt'), 'utf8'), 'no journal\n')
})
