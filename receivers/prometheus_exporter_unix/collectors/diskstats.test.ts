import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectOnce } from '../fixture_host.ts'
import { collector } from './diskstats.ts'

const eleven = '1 2 3 4000 5 6 7 8000 9 10000 11000'

const values = (lines: readonly string[], device: string): (string | undefined)[] =>
  lines.filter((line) => line.includes(`{device="${device}"}`)).map((line) => line.replace(/\{.*\}/, ''))

test('as many columns are shown as the kernel gives; sectors have 512 bytes, ticks are milliseconds', async () => {
  const diskstats =
    `   8       0 sda ${eleven}\n   8  16 sdb ${eleven} 12 13 14 15000\n 8 32 sdc ${eleven} 12 13 14 15000 16 17000\n` +
    ` 8 1 sda1 ${eleven}\n 7 0 loop0 ${eleven}\n 3 1 short 1 2 3 4\n`
  const lines = await collectOnce(collector, { 'proc/diskstats': diskstats })
  const old = [
    'node_disk_reads_completed_total 1',
    'node_disk_reads_merged_total 2',
    'node_disk_read_bytes_total 1536',
    'node_disk_read_time_seconds_total 4',
    'node_disk_writes_completed_total 5',
    'node_disk_writes_merged_total 6',
    'node_disk_written_bytes_total 3584',
    'node_disk_write_time_seconds_total 8',
    'node_disk_io_now 9',
    'node_disk_io_time_seconds_total 10',
    'node_disk_io_time_weighted_seconds_total 11',
  ]
  const discards = [
    'node_disk_discards_completed_total 12',
    'node_disk_discards_merged_total 13',
    'node_disk_discarded_sectors_total 14',
    'node_disk_discard_time_seconds_total 15',
  ]
  const flushes = ['node_disk_flush_requests_total 16', 'node_disk_flush_requests_time_seconds_total 17']
  assert.deepEqual(values(lines, 'sda'), old)
  assert.deepEqual(values(lines, 'sdb'), [...old, ...discards])
  assert.deepEqual(values(lines, 'sdc'), [...old, ...discards, ...flushes])
  for (const left of ['sda1', 'loop0', 'short']) assert.deepEqual(values(lines, left), [])
})

test('an include list replaces the exclude list', async () => {
  const files = { 'proc/diskstats': `8 0 sda ${eleven}\n 8 1 sda1 ${eleven}\n` }
  const lines = await collectOnce(collector, files, { settings: { disk: { device_include: '^sda1$' } } })
  assert.equal(values(lines, 'sda').length, 0)
  assert.equal(values(lines, 'sda1').length, 11)
})

test('udev tells what a disk is, what is on it and what is below it', async () => {
  const lines = await collectOnce(collector, {
    'proc/diskstats': `8 0 sda ${eleven}\n252 0 dm-0 ${eleven}\n`,
    'udev/b8:0':
      'I:8291\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:ID_ATA_WRITE_CACHE_ENABLED=0\nE:ID_ATA_ROTATION_RATE_RPM=7200\n' +
      'E:ID_MODEL=TOSHIBA_KSDB4U86\nE:ID_PATH=pci-0000:3b:00.0\nE:ID_REVISION=0102\nE:ID_SERIAL=long\n' +
      'E:ID_SERIAL_SHORT=2160A0D5FVGG\nE:ID_WWN=0x7c72382b8de36a64\nG:systemd\n',
    'udev/b252:0':
      'E:DM_NAME=nvme0n1_crypt\nE:DM_UUID=CRYPT-LUKS2\nE:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=x=y\n',
  })
  assert.deepEqual(
    lines.filter((line) => /_info|_ata_/.test(line)),
    [
      'node_disk_info{device="sda",major="8",minor="0",path="pci-0000:3b:00.0",wwn="0x7c72382b8de36a64",' +
        'model="TOSHIBA_KSDB4U86",serial="2160A0D5FVGG",revision="0102"} 1',
      'node_disk_ata_write_cache{device="sda"} 1',
      'node_disk_ata_write_cache_enabled{device="sda"} 0',
      'node_disk_ata_rotation_rate_rpm{device="sda"} 7200',
      'node_disk_info{device="dm-0",major="252",minor="0"} 1',
      'node_disk_filesystem_info{device="dm-0",type="ext4",usage="filesystem",uuid="x=y"} 1',
      'node_disk_device_mapper_info{device="dm-0",name="nvme0n1_crypt",uuid="CRYPT-LUKS2"} 1',
    ],
  )
})
