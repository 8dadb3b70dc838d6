// What somebody has to know before Solder takes over from Alloy: what it does not know, and what does not come along.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfiguration } from '#config'
import { type AlloyService, unitDirectories } from './alloy_service.ts'
import { parseFlags } from '../flags.ts'
import { runFlags } from '../run_flags.ts'
import { checkAlloy, stabilityLevel } from '../validate.ts'

export interface Finding {
  /** An error: Solder would not start. */
  readonly severity: 'error' | 'note'
  readonly text: string
}

/** Everything, in the order in which it matters. Throws where the configuration cannot be read. */
export async function checkMigration(root: string, service: AlloyService): Promise<Finding[]> {
  const flags = flagFindings(service)
  return [...(await configFindings(root, service)), ...flags, ...stateFindings(root, service), ...serviceFindings(root)]
}

/** Whether there is a service that could take over: only this machine is asked. */
function serviceFindings(root: string): Finding[] {
  if (root !== '/' || unitDirectories.some((directory) => existsSync(join(directory, 'solder.service')))) return []
  return [{ severity: 'error', text: 'there is no service solder on this machine: install the package first' }]
}

async function configFindings(root: string, service: AlloyService): Promise<Finding[]> {
  const text = readConfiguration(join(root, service.configPath))
  const known = service.flags.filter((flag) => flag.startsWith('--stability.level='))
  const stability = stabilityLevel(parseFlags(known, runFlags).values)
  const before = { ...process.env }
  const storage = mkdtempSync(join(tmpdir(), 'solder-migrate-'))
  try {
    // What the configuration reads from the environment is what the service gives it.
    for (const [key, value] of service.environment) process.env[key] = value
    const plan = await checkAlloy(text, stability, storage)
    const onMachine = (file: string): string => (file.startsWith(root) ? join('/', file.slice(root.length)) : file)
    const problems = plan.diagnostics.map(({ severity, message, range: { start } }): Finding => ({
      severity: severity === 'error' ? 'error' : 'note',
      text: `${onMachine(start.file)}:${start.line}:${start.column}: ${message}`,
    }))
    return [...problems, ...[...plan.sources].flatMap(([file, source]) => pathFindings(onMachine(file), source))]
  } finally {
    for (const [key] of service.environment) {
      if (before[key] === undefined) delete process.env[key]
      else process.env[key] = before[key]
    }
    rmSync(storage, { recursive: true, force: true })
  }
}

/** Texts with a path of Alloy's own, outside of lines that are comments: what is copied is not what they name. */
function pathFindings(file: string, source: string): Finding[] {
  return source.split('\n').flatMap((line, i) => {
    if (/^\s*\/\//.test(line)) return []
    return [...line.matchAll(/(?<![\w/.-])\/(?:etc|var\/lib)\/alloy(?![\w.-])[^"`,;:\s]*/g)].map((match): Finding => ({
      severity: 'note',
      text:
        `${file}:${i + 1}:${match.index + 1}: ${match[0]} is still read where it is, and cannot be written to: ` +
        'change it before Alloy is removed',
    }))
  })
}

function flagFindings({ flags, spacedFlags, environment }: AlloyService): Finding[] {
  const out: Finding[] = []
  for (const flag of flags) {
    const name = flag.replace(/=.*$/s, '')
    const spec = runFlags.find((one) => `--${one.name}` === name)
    if (!spec) out.push({ severity: 'error', text: `the flag ${name} is unknown` })
    else if (spec.inert && spec.name !== 'disable-reporting') {
      out.push({ severity: 'note', text: `the flag ${name} has no effect: ${spec.inert}` })
    }
  }
  for (const flag of spacedFlags) {
    const name = flag.replace(/=.*$/s, '')
    out.push({
      severity: 'note',
      text: `the flag ${name} is left out: its value has spaces in it; systemctl edit solder takes it`,
    })
  }
  for (const [key] of environment) {
    if (/^(?:GO(?:MEMLIMIT|GC|MAXPROCS|DEBUG|TRACEBACK)|AUTOMEMLIMIT\w*)$/.test(key)) {
      out.push({ severity: 'note', text: `the variable ${key} has no effect: there is no Go runtime` })
    }
  }
  return out
}

/** Write-ahead logs of what waits to be sent: another format. */
function stateFindings(root: string, { storagePath }: AlloyService): Finding[] {
  const base = join(root, storagePath)
  if (!existsSync(base)) return []
  return readdirSync(base, { encoding: 'utf8' })
    .filter((name) => /^(?:prometheus\.remote_write|loki\.write)\./.test(name))
    .filter((name) => bytesUnder(join(base, name)) > 0)
    .map((name) => ({
      severity: 'note',
      text: `what Alloy has not sent of ${name} when it stops stays in ${join(storagePath, name)}: the formats differ`,
    }))
}

function bytesUnder(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const stat = statSync(join(directory, name))
    return stat.isFile() ? sum + stat.size : sum
  }, 0)
}
