// The collectors that read sysfs, each on a few files of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { collectOnce } from '../fixture_host.ts'
import type { FixtureFiles, FixtureOptions } from '../fixture_host.ts'

interface Case {
  readonly name: string
  readonly collector: string
  readonly files: FixtureFiles
  readonly options?: FixtureOptions
  /** `%` stands for the fixture's directory. */
  readonly want: readonly string[]
}

const load = async (name: string): Promise<CollectorDefinition> =>
  ((await import(`./${name}.ts`)) as { collector: CollectorDefinition }).collector

const cases: readonly Case[] = [
  {
    name: 'frequencies are hertz; CPUs that are off, or without cpufreq, are left out',
    collector: 'cpufreq',
    files: {
      'sys/devices/system/cpu/offline': '1,3-4\n',
      'sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq': '3700000\n',
      'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '1219917\n',
      'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n',
      'sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors': 'performance powersave\n',
      'sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq': '3700000\n',
      'sys/devices/system/cpu/cpu2/topology/core_id': '2\n',
    },
    want: [
      'node_cpu_frequency_max_hertz{cpu="0"} 3700000000',
      'node_cpu_scaling_frequency_hertz{cpu="0"} 1219917000',
      'node_cpu_scaling_governor{cpu="0",governor="performance"} 0',
      'node_cpu_scaling_governor{cpu="0",governor="powersave"} 1',
    ],
  },
  {
    name: 'zones in degrees; a zone whose sensor has no value does not hide the others',
    collector: 'thermal_zone',
    files: {
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone0/temp': '12376\n',
      'sys/class/thermal/thermal_zone1/type': 'off\n',
      'sys/class/thermal/thermal_zone2/type': 'outside\n',
      'sys/class/thermal/thermal_zone2/temp': '-44000\n',
      'sys/class/thermal/cooling_device0/type': 'Processor\n',
      'sys/class/thermal/cooling_device0/cur_state': '0\n',
      'sys/class/thermal/cooling_device0/max_state': '3\n',
    },
    want: [
      'node_cooling_device_cur_state{name="0",type="Processor"} 0',
      'node_cooling_device_max_state{name="0",type="Processor"} 3',
      'node_thermal_zone_temp{zone="0",type="cpu-thermal"} 12.376',
      'node_thermal_zone_temp{zone="2",type="outside"} -44',
    ],
  },
  {
    name: 'units by file; what is no number is left out; ignored supplies are',
    collector: 'powersupplyclass',
    options: { settings: { powersupply: { ignored_supplies: '^AC$' } } },
    files: {
      'sys/class/power_supply/AC/online': '0\n',
      'sys/class/power_supply/BAT0/capacity': '81\n',
      'sys/class/power_supply/BAT0/cycle_count': '7\n',
      'sys/class/power_supply/BAT0/voltage_now': '11660000\n',
      'sys/class/power_supply/BAT0/temp': '-15\n',
      'sys/class/power_supply/BAT0/energy_full': 'unknown\n',
      'sys/class/power_supply/BAT0/status': 'Discharging\n',
      'sys/class/power_supply/BAT0/manufacturer': 'LGC\n',
    },
    want: [
      'node_power_supply_capacity{power_supply="BAT0"} 81',
      'node_power_supply_cyclecount{power_supply="BAT0"} 7',
      'node_power_supply_temp_celsius{power_supply="BAT0"} -1.5',
      'node_power_supply_voltage_volt{power_supply="BAT0"} 11.66',
      'node_power_supply_info{power_supply="BAT0",manufacturer="LGC",status="Discharging"} 1',
    ],
  },
  {
    name: 'zones of the same name are numbered, those with a number in their name keep it',
    collector: 'rapl',
    files: {
      'sys/class/powercap/intel-rapl/enabled': '1\n',
      'sys/class/powercap/intel-rapl:0/name': 'package-1\n',
      'sys/class/powercap/intel-rapl:0/energy_uj': '240422366267\n',
      'sys/class/powercap/intel-rapl:0:0/name': 'core\n',
      'sys/class/powercap/intel-rapl:0:0/energy_uj': '118821284256\n',
      'sys/class/powercap/intel-rapl:1:0/name': 'core\n',
      'sys/class/powercap/intel-rapl:1:0/energy_uj': '1\n',
    },
    want: [
      'node_rapl_package_joules_total{index="1",path="%/sys/class/powercap/intel-rapl:0"} 240422.366267',
      'node_rapl_core_joules_total{index="0",path="%/sys/class/powercap/intel-rapl:0:0"} 118821.284256',
      'node_rapl_core_joules_total{index="1",path="%/sys/class/powercap/intel-rapl:1:0"} 0.000001',
    ],
  },
  {
    name: 'controllers and their rows; a row that cannot count uncorrectable errors has none',
    collector: 'edac',
    files: {
      'sys/devices/system/edac/mc/mc0/ce_count': '1\n',
      'sys/devices/system/edac/mc/mc0/ce_noinfo_count': '2\n',
      'sys/devices/system/edac/mc/mc0/ue_count': '5\n',
      'sys/devices/system/edac/mc/mc0/ue_noinfo_count': '6\n',
      'sys/devices/system/edac/mc/mc0/csrow0/ce_count': '3\n',
      'sys/devices/system/edac/mc/mc0/csrow0/ue_count': '4\n',
      'sys/devices/system/edac/mc/mc0/csrow1/ce_count': '9\n',
      'sys/devices/system/edac/mc/power/control': 'auto\n',
    },
    want: [
      'node_edac_correctable_errors_total{controller="0"} 1',
      'node_edac_csrow_correctable_errors_total{controller="0",csrow="unknown"} 2',
      'node_edac_uncorrectable_errors_total{controller="0"} 5',
      'node_edac_csrow_uncorrectable_errors_total{controller="0",csrow="unknown"} 6',
      'node_edac_csrow_correctable_errors_total{controller="0",csrow="0"} 3',
      'node_edac_csrow_uncorrectable_errors_total{controller="0",csrow="0"} 4',
      'node_edac_csrow_correctable_errors_total{controller="0",csrow="1"} 9',
    ],
  },
  {
    name: 'what the firmware says, without what may not be read',
    collector: 'dmi',
    files: {
      'sys/class/dmi/id/bios_vendor': 'Dell Inc.\n',
      'sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
      'sys/class/dmi/id/product_name': 'PowerEdge R6515\n',
      'sys/class/dmi/id/modalias': 'dmi:bvnDellInc.\n',
    },
    want: ['node_dmi_info{bios_vendor="Dell Inc.",product_name="PowerEdge R6515",system_vendor="Dell Inc."} 1'],
  },
  {
    name: 'weaknesses have a state, and what is done against them',
    collector: 'cpu_vulnerabilities',
    files: {
      'sys/devices/system/cpu/vulnerabilities/mds': 'Vulnerable\n',
      'sys/devices/system/cpu/vulnerabilities/meltdown': 'Not affected\n',
      'sys/devices/system/cpu/vulnerabilities/new': 'Something else\n',
      'sys/devices/system/cpu/vulnerabilities/retbleed': 'Mitigation: untrained return thunk; SMT enabled\n',
    },
    want: [
      'node_cpu_vulnerabilities_info{codename="mds",state="vulnerable"} 1',
      'node_cpu_vulnerabilities_info{codename="meltdown",state="not affected"} 1',
      'node_cpu_vulnerabilities_info{codename="new",state="unknown",mitigation="Something else"} 1',
      'node_cpu_vulnerabilities_info{codename="retbleed",state="mitigation",mitigation="untrained return thunk; SMT enabled"} 1',
    ],
  },
  {
    name: 'SELinux is off where its file system is not mounted',
    collector: 'selinux',
    files: { 'root/etc/selinux/config': 'SELINUX=enforcing\n' },
    want: ['node_selinux_enabled 0'],
  },
  {
    name: 'SELinux that is on has a configured and a current mode',
    collector: 'selinux',
    files: { 'sys/fs/selinux/enforce': '0', 'root/etc/selinux/config': '# SELINUX=disabled\nSELINUX=enforcing\n' },
    want: ['node_selinux_enabled 1', 'node_selinux_config_mode 1', 'node_selinux_current_mode 0'],
  },
  {
    name: 'numbers that the device has, and its words',
    collector: 'watchdog',
    files: {
      'sys/class/watchdog/watchdog0/bootstatus': '1\n',
      'sys/class/watchdog/watchdog0/timeleft': '300\n',
      'sys/class/watchdog/watchdog0/identity': 'Software Watchdog\n',
      'sys/class/watchdog/watchdog0/state': 'active\n',
      'sys/class/watchdog/watchdog1/device': 'x\n',
    },
    want: [
      'node_watchdog_bootstatus{name="watchdog0"} 1',
      'node_watchdog_timeleft_seconds{name="watchdog0"} 300',
      'node_watchdog_info{name="watchdog0",identity="Software Watchdog",state="active"} 1',
      'node_watchdog_info{name="watchdog1"} 1',
    ],
  },
  {
    name: 'controllers with their words',
    collector: 'nvme',
    files: {
      'sys/class/nvme/nvme0/firmware_rev': '1B2QEXP7\n',
      'sys/class/nvme/nvme0/model': 'Samsung SSD 970 PRO 512GB\n',
      'sys/class/nvme/nvme0/serial': 'S680HF8N190894I\n',
      'sys/class/nvme/nvme0/state': 'live\n',
    },
    want: [
      'node_nvme_info{device="nvme0",firmware_revision="1B2QEXP7",model="Samsung SSD 970 PRO 512GB",' +
        'serial="S680HF8N190894I",state="live"} 1',
    ],
  },
  {
    name: 'drives once, times in seconds',
    collector: 'tapestats',
    options: { settings: { tapestats: { ignored_devices: '^st1$' } } },
    files: {
      'sys/class/scsi_tape/nst0/stats/in_flight': '1\n',
      'sys/class/scsi_tape/st1/stats/in_flight': '1\n',
      'sys/class/scsi_tape/st0/stats/in_flight': '1\n',
      'sys/class/scsi_tape/st0/stats/io_ns': '9247011087720\n',
      'sys/class/scsi_tape/st0/stats/read_byte_cnt': '979383912\n',
    },
    want: [
      'node_tape_io_now{device="st0"} 1',
      'node_tape_io_time_seconds_total{device="st0"} 9247.01108772',
      'node_tape_io_others_total{device="st0"} 0',
      'node_tape_read_bytes_total{device="st0"} 979383912',
      'node_tape_reads_completed_total{device="st0"} 0',
      'node_tape_read_time_seconds_total{device="st0"} 0',
      'node_tape_residual_total{device="st0"} 0',
      'node_tape_written_bytes_total{device="st0"} 0',
      'node_tape_writes_completed_total{device="st0"} 0',
      'node_tape_write_time_seconds_total{device="st0"} 0',
    ],
  },
  {
    name: 'chips are named after their device, elements have units, labels are told',
    collector: 'hwmon',
    options: { settings: { hwmon: { chip_exclude: '^ignored$' } } },
    files: {
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/name': 'coretemp\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/device': '-> ../../../coretemp.0',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_input': '55000\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_label': 'Physical id 0\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_crit_alarm': '0\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/fan1_input': '1200\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/fan1_alarm': '1\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/in0_input': '1104\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/in0_beep': '1\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/power1_average': '17000000\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/power1_average_interval': '1000\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/energy1_input': '5000000\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/pwm1': '128\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/pwm1_enable': '2\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/freq1_input': '214000000\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/freq1_label': 'sclk\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/beep_enable': '1\n',
      'sys/devices/platform/coretemp.0/hwmon/hwmon0/update_interval': '1500\n',
      'sys/devices/virtual/hwmon1/name': 'ignored\n',
      'sys/devices/virtual/hwmon1/temp1_input': '1\n',
      'sys/class/hwmon/hwmon0': '-> ../../devices/platform/coretemp.0/hwmon/hwmon0',
      'sys/class/hwmon/hwmon1': '-> ../../devices/virtual/hwmon1',
    },
    want: [
      'node_hwmon_chip_names{chip="platform_coretemp_0",chip_name="coretemp"} 1',
      'node_hwmon_beep_enabled{chip="platform_coretemp_0",sensor="beep_enable0"} 1',
      'node_hwmon_energy_joule_total{chip="platform_coretemp_0",sensor="energy1"} 5',
      'node_hwmon_fan_alarm{chip="platform_coretemp_0",sensor="fan1"} 1',
      'node_hwmon_fan_rpm{chip="platform_coretemp_0",sensor="fan1"} 1200',
      'node_hwmon_sensor_label{chip="platform_coretemp_0",sensor="freq1",label="sclk"} 1',
      'node_hwmon_freq_freq_mhz{chip="platform_coretemp_0",sensor="sclk"} 214',
      'node_hwmon_in_beep_enabled{chip="platform_coretemp_0",sensor="in0"} 1',
      'node_hwmon_in_volts{chip="platform_coretemp_0",sensor="in0"} 1.104',
      'node_hwmon_power_average_watt{chip="platform_coretemp_0",sensor="power1"} 17',
      'node_hwmon_power_average_interval_seconds{chip="platform_coretemp_0",sensor="power1"} 1',
      'node_hwmon_pwm{chip="platform_coretemp_0",sensor="pwm1"} 128',
      'node_hwmon_pwm_enable{chip="platform_coretemp_0",sensor="pwm1"} 2',
      'node_hwmon_sensor_label{chip="platform_coretemp_0",sensor="temp1",label="Physical id 0"} 1',
      'node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp1"} 0',
      'node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp1"} 55',
      'node_hwmon_update_interval_seconds{chip="platform_coretemp_0",sensor="update_interval0"} 1.5',
    ],
  },
]

for (const { name, collector, files, options, want } of cases) {
  test(`${collector}: ${name}`, async () => {
    const lines = await collectOnce(await load(collector), files, options)
    assert.deepEqual(
      lines.map((line) => line.replace(/path="[^"]*?\/sys\//, 'path="%/sys/')),
      want,
    )
  })
}

test('edac: a controller that lacks a counter is a failure', async () => {
  const { collector } = await import('./edac.ts')
  const files = { 'sys/devices/system/edac/mc/mc0/ce_count': '1\n' }
  await assert.rejects(collectOnce(collector, files), /ENOENT.*ce_noinfo_count/)
})

test('nvme: a controller whose files cannot be read is a failure, not a missing subsystem', async () => {
  const { collector } = await import('./nvme.ts')
  await assert.rejects(collectOnce(collector, { 'sys/class/nvme/nvme0/model': 'x' }), (error: unknown) => {
    assert.ok(!(error instanceof NoDataError))
    return true
  })
})
