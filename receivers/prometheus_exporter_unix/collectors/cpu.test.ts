import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SettingsError } from '#component'
import { parseCpuInfo } from '../cpu_info.ts'
import { parseCpuRanges } from '../cpu_list.ts'
import { collectOnce, FixtureHost } from '../fixture_host.ts'
import { collector } from './cpu.ts'

const stat = (...cpus: string[]): string => `cpu  1 1 1 1 1 1 1 1 1 1\n${cpus.join('\n')}\nintr 1 2 3\nctxt 5\n`

test('modes are seconds, per CPU, guests only when asked for', async () => {
  const files = { 'proc/stat': stat('cpu0 100 200 300 400 500 600 700 800 900 1000', 'cpu17 1 0 0 0 0 0 0') }
  const lines = await collectOnce(collector, files)
  assert.deepEqual(lines.slice(0, 8), [
    'node_cpu_seconds_total{cpu="0",mode="user"} 1',
    'node_cpu_seconds_total{cpu="0",mode="nice"} 2',
    'node_cpu_seconds_total{cpu="0",mode="system"} 3',
    'node_cpu_seconds_total{cpu="0",mode="idle"} 4',
    'node_cpu_seconds_total{cpu="0",mode="iowait"} 5',
    'node_cpu_seconds_total{cpu="0",mode="irq"} 6',
    'node_cpu_seconds_total{cpu="0",mode="softirq"} 7',
    'node_cpu_seconds_total{cpu="0",mode="steal"} 8',
  ])
  assert.ok(lines.includes('node_cpu_seconds_total{cpu="17",mode="user"} 0.01'))
  assert.ok(!lines.some((line) => line.startsWith('node_cpu_guest')))
  const withGuests = await collectOnce(collector, files, { settings: { cpu: { guest: true } } })
  assert.ok(withGuests.includes('node_cpu_guest_seconds_total{cpu="0",mode="user"} 9'))
  assert.ok(withGuests.includes('node_cpu_guest_seconds_total{cpu="0",mode="nice"} 10'))
})

test('a counter that steps back stays, an idle time that falls by three seconds starts the CPU afresh', async () => {
  const host = new FixtureHost({ 'proc/stat': stat('cpu0 500 0 0 1000 50', 'cpu1 7 0 0 7') })
  try {
    const scrape = host.collector(collector)
    const idle = async (): Promise<string[]> =>
      (await scrape()).lines
        .filter((line) => /mode="(user|idle|iowait)"/.test(line))
        .map((line) => line.split('_total')[1] ?? '')
    await idle()
    host.write('proc/stat', stat('cpu0 510 0 0 990 40'))
    assert.deepEqual(await idle(), [
      '{cpu="0",mode="user"} 5.1',
      '{cpu="0",mode="idle"} 10',
      '{cpu="0",mode="iowait"} 0.5',
    ])
    host.write('proc/stat', stat('cpu0 3 0 0 700 1'))
    assert.deepEqual(await idle(), [
      '{cpu="0",mode="user"} 0.03',
      '{cpu="0",mode="idle"} 7',
      '{cpu="0",mode="iowait"} 0.01',
    ])
  } finally {
    host.remove()
  }
})

const cpuinfo =
  'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 142\nmodel name\t: i7-8650U\nstepping\t: 10\n' +
  'microcode\t: 0xb4\ncpu MHz\t\t: 799.998\ncache size\t: 8192 KB\nphysical id\t: 0\ncore id\t\t: 1\nflags\t\t: fpu aes avx avx2\n' +
  'bugs\t\t: cpu_meltdown mds\npower management:\n\nprocessor\t: 1\nmodel name\t: other\n'

test('what /proc/cpuinfo says is shown when asked for, with flags and bugs of the first CPU', async () => {
  const files = { 'proc/stat': stat('cpu0 1'), 'proc/cpuinfo': cpuinfo }
  const info = (lines: string[]): string[] => lines.filter((line) => !line.startsWith('node_cpu_seconds'))
  assert.deepEqual(info(await collectOnce(collector, files)), [])
  const first =
    'node_cpu_info{package="0",core="1",cpu="0",vendor="GenuineIntel",family="6",model="142",model_name="i7-8650U",' +
    'microcode="0xb4",stepping="10",cachesize="8192 KB"} 1'
  const second = 'node_cpu_info{cpu="1",model_name="other"} 1'
  assert.deepEqual(info(await collectOnce(collector, files, { settings: { cpu: { info: true } } })), [first, second])
  const options = {
    settings: { cpu: { flags_include: '^(aes|avx.?)$', bugs_include: '^mds$' } },
    enabled: ['cpu', 'cpufreq'],
  }
  assert.deepEqual(info(await collectOnce(collector, files, options)), [
    first,
    second,
    'node_cpu_frequency_hertz{package="0",core="1",cpu="0"} 799998000',
    'node_cpu_frequency_hertz{cpu="1"} 0',
    'node_cpu_flag_info{flag="aes"} 1',
    'node_cpu_flag_info{flag="avx"} 1',
    'node_cpu_flag_info{flag="avx2"} 1',
    'node_cpu_bug_info{bug="mds"} 1',
  ])
})

test('throttles count once per core and package; isolated and online CPUs are told', async () => {
  const cpus = 'sys/devices/system/cpu'
  const files: Record<string, string> = { 'proc/stat': stat('cpu0 1'), [`${cpus}/isolated`]: '1,3-4\n' }
  for (const [cpu, core, coreCount] of [
    [0, 0, 5],
    [1, 1, 7],
    [2, 0, 5],
  ] as const) {
    files[`${cpus}/cpu${cpu}/online`] = cpu === 2 ? '0\n' : '1\n'
    files[`${cpus}/cpu${cpu}/topology/physical_package_id`] = '0\n'
    files[`${cpus}/cpu${cpu}/topology/core_id`] = `${core}\n`
    files[`${cpus}/cpu${cpu}/thermal_throttle/core_throttle_count`] = `${coreCount}\n`
    files[`${cpus}/cpu${cpu}/thermal_throttle/package_throttle_count`] = '30\n'
  }
  const lines = (await collectOnce(collector, files)).filter((line) => !line.startsWith('node_cpu_seconds'))
  assert.deepEqual(lines, [
    'node_cpu_isolated{cpu="1"} 1',
    'node_cpu_isolated{cpu="3"} 1',
    'node_cpu_isolated{cpu="4"} 1',
    'node_cpu_core_throttles_total{package="0",core="0"} 5',
    'node_cpu_package_throttles_total{package="0"} 30',
    'node_cpu_core_throttles_total{package="0",core="1"} 7',
    'node_cpu_online{cpu="0"} 1',
    'node_cpu_online{cpu="1"} 1',
    'node_cpu_online{cpu="2"} 0',
  ])
})

test('a filter that does not compile is a settings error at its place', async () => {
  await assert.rejects(collectOnce(collector, {}, { settings: { cpu: { bugs_include: '(' } } }), (error: unknown) => {
    assert.ok(error instanceof SettingsError)
    assert.deepEqual(error.path, ['cpu', 'bugs_include'])
    return true
  })
})

test('ARM says Features once for all of its CPUs', () => {
  const info = parseCpuInfo(
    'processor\t: 0\nBogoMIPS\t: 108.00\nprocessor\t: 1\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n',
  )
  assert.deepEqual(
    info.map(({ processor, flags }) => [processor, flags]),
    [
      ['0', ['fp', 'asimd']],
      ['1', ['fp', 'asimd']],
    ],
  )
})

test('lists of CPUs are ranges and single ones, anything else is refused', () => {
  assert.deepEqual(parseCpuRanges('\n'), [])
  assert.deepEqual(parseCpuRanges('0-2,7\n'), [0, 1, 2, 7])
  for (const text of ['a', '1-', '-1', '1-2-3', '0-99999999999'])
    assert.throws(() => parseCpuRanges(text), /Cannot read/)
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 300 })), (cpus) => {
      const sorted = [...cpus].sort((a, b) => a - b)
      assert.deepEqual(parseCpuRanges(sorted.join(',')), sorted)
    }),
    { numRuns: 50 },
  )
})
