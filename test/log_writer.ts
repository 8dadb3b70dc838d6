// A process that writes numbered lines to two files as fast as it may: `renamed.log` is rotated by renaming, `truncated.log`
// by copying and truncating. Arguments: directory, milliseconds, bytes per second. At its end it writes `written.json`.
import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const [, , directory = '', durationMs = '', bytesPerSecond = ''] = process.argv
const path = (name: string): string => join(directory, name)
const rotations = 24
const padding = 'x'.repeat(200)

const lines = { renamed: 0, truncated: 0 }
/** The numbers of lines behind which a file was rotated or truncated. */
const cuts: { renamed: number[]; truncated: number[] } = { renamed: [], truncated: [] }
let renamed = openSync(path('renamed.log'), 'a')
const truncated = openSync(path('truncated.log'), 'a')

function chunk(name: 'renamed' | 'truncated'): string {
  let text = ''
  for (let i = 0; i < 200; i++) {
    const n = lines[name]++
    text += `n=${n} ${padding.slice(0, n % 200)}\n`
  }
  return text
}

function rotate(): void {
  closeSync(renamed)
  for (let i = cuts.renamed.length; i >= 1; i--) renameSync(path(`renamed.log.${i}`), path(`renamed.log.${i + 1}`))
  renameSync(path('renamed.log'), path('renamed.log.1'))
  renamed = openSync(path('renamed.log'), 'a')
  cuts.renamed.push(lines.renamed)
}

function truncate(): void {
  copyFileSync(path('truncated.log'), path('truncated.log.1'))
  ftruncateSync(truncated)
  cuts.truncated.push(lines.truncated)
}

const begin = performance.now()
let written = 0
for (;;) {
  const elapsedMs = performance.now() - begin
  if (elapsedMs >= Number(durationMs)) break
  if (written > (Number(bytesPerSecond) * elapsedMs) / 1000) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    continue
  }
  written += writeSync(renamed, chunk('renamed')) + writeSync(truncated, chunk('truncated'))
  const due = Math.floor((elapsedMs / Number(durationMs)) * rotations)
  if (due > cuts.renamed.length) rotate()
  if (due > cuts.truncated.length * 2) truncate()
}
closeSync(renamed)
closeSync(truncated)
writeFileSync(path('written.json'), JSON.stringify({ lines, cuts, bytes: written }))
