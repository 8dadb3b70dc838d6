import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Logger } from '#component'
import { systemClock } from '#lib/clock'
import { type JournalEntry, JournalExportParser } from './export_format.ts'
import { cursorMicroseconds, JournalReader } from './reader.ts'

type Field = readonly [name: string, value: string]

/** As the format has it: text where a value can be one, else with its size in front. */
function exported(entries: readonly (readonly Field[])[]): Buffer {
  const parts: Buffer[] = []
  for (const entry of entries) {
    for (const [name, value] of entry) {
      const bytes = Buffer.from(value)
      if (bytes.every((byte) => byte >= 0x20 || byte === 9)) parts.push(Buffer.from(`${name}=${value}\n`))
      else {
        const size = Buffer.alloc(8)
        size.writeBigUInt64LE(BigInt(bytes.length))
        parts.push(Buffer.from(`${name}\n`), size, bytes, Buffer.from('\n'))
      }
    }
    parts.push(Buffer.from('\n'))
  }
  return Buffer.concat(parts)
}

function parsed(chunks: readonly Buffer[], entryBytesMax?: number): { entries: JournalEntry[]; faults: string[] } {
  const entries: JournalEntry[] = []
  const faults: string[] = []
  const sink = {
    entry: (entry: JournalEntry) => void entries.push(entry),
    fault: (why: string) => void faults.push(why),
  }
  const parser = new JournalExportParser(sink, entryBytesMax)
  for (const chunk of chunks) parser.push(chunk)
  return { entries, faults }
}

const fieldsOf = ({ names, ...entry }: JournalEntry): [string, string][] =>
  names.map((name, i) => [name, (entry.values[i] as Buffer).toString()])

const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/)
const value = fc.string({ unit: fc.constantFrom('a', '=', '\n', '\0', 'é', ' ', '\t') })

test('Entries come out as they went in, however they are cut', () => {
  const entries = fc.array(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }), { maxLength: 5 })
  fc.assert(
    fc.property(entries, fc.array(fc.integer({ min: 1, max: 40 })), (given, sizes) => {
      const bytes = exported(given)
      const chunks: Buffer[] = []
      let at = 0
      for (const size of sizes) {
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      const { entries: found, faults } = parsed([...chunks, bytes.subarray(at)])
      assert.deepEqual(found.map(fieldsOf), given)
      assert.deepEqual(faults, [])
    }),
  )
})

test('The cursor and the time stand beside the fields; of a field that comes twice the later one counts', () => {
  const bytes = exported([[['__CURSOR', 's=1;t=5'], ['__REALTIME_TIMESTAMP', '1700000000000001'], ['A', '1'], ['A', '2']]]) // prettier-ignore
  const [entry] = parsed([bytes]).entries
  assert.ok(entry)
  assert.equal(entry.cursor, 's=1;t=5')
  assert.equal(entry.realtimeMicroseconds, 1_700_000_000_000_001n)
  assert.equal(entry.get('A'), '2')
  assert.equal(entry.get('B'), undefined)
})

test('What is too large is left out, and nothing else with it', () => {
  const long = 'x'.repeat(100)
  const next: Field[] = [['B', '2']]
  const cases: { fields: Field[]; want: string[][]; faults: string[] }[] = [
    { fields: [['A', `${long}\n`], ['C', '3']], want: [['C', '3']], faults: ['a field is too large'] }, // prettier-ignore
    { fields: [['A', '1'], ['C', long]], want: [['A', '1']], faults: ['an entry is too large'] }, // prettier-ignore
  ]
  for (const { fields, want, faults } of cases) {
    const bytes = exported([fields, next])
    for (const size of [1, 7, 1000]) {
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      const found = parsed(chunks, 50)
      assert.deepEqual(found.entries.map(fieldsOf), [want, [['B', '2']]])
      assert.equal(found.faults.length, 1)
      if (size === 1000) assert.deepEqual(found.faults, faults)
    }
  }
})

test('No bytes make the parser throw or keep much', () => {
  const chunk = fc.array(fc.constantFrom(10, 61, 65, 0, 255), { maxLength: 50 }).map((bytes) => Buffer.from(bytes))
  fc.assert(fc.property(fc.array(chunk), (chunks) => void parsed(chunks, 20)))
})

test('A cursor says when its entry was taken', () => {
  assert.equal(cursorMicroseconds('s=a;i=1;b=6c7;m=de754;t=661595527ad54;x=4'), 0x661595527ad54n)
  assert.equal(cursorMicroseconds('s=a'), undefined)
})

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** A stand-in for journalctl: says what its script says. */
function fakeJournalctl(t: TestContext, script: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'journal-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'journalctl')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

interface Reading {
  readonly states: string[]
  readonly messages: string[]
  until(condition: () => boolean): Promise<void>
}

function follow(t: TestContext, command: string): Reading {
  const states: string[] = []
  const messages: string[] = []
  const reader = new JournalReader({
    clock: { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, Math.min(ms, 20)) },
    log: silent,
    command,
    arguments: () => [],
    entries: (batch) => void messages.push(...batch.map((entry) => entry.get('MESSAGE') ?? '')),
    state: (failure) => void states.push(failure),
    fault: () => {},
  })
  reader.start()
  t.after(() => reader.stop(1000))
  return {
    states,
    messages,
    until: async (condition) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
}

test('A program that ends is started again, one that is not there is told of', async (t) => {
  const { states, messages, until } = follow(t, fakeJournalctl(t, "printf 'MESSAGE=one\\n\\n'; exit 3"))
  await until(() => messages.length >= 2)
  assert.ok(states.includes('journalctl ended: status 3'))
  const missing = follow(t, '/nonexistent/journalctl')
  await missing.until(() => missing.states.length >= 2)
  assert.match(missing.states[0] as string, /journalctl is not installed: this needs systemd$/)
})

test('A journal that is not there or may not be read is told of while the program runs on', async (t) => {
  const script = "echo 'No journal files were opened due to insufficient permissions.' >&2; exec sleep 60"
  const { states, until } = follow(t, fakeJournalctl(t, script))
  await until(() => states.some((state) => state.includes('insufficient permissions')))
})
