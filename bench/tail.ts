// Files of JSON lines through whole collectors: a file is there, it is tailed, its lines go to a Loki that takes all.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '#component/test_host'
import { decodePush } from '#pdata/loki'
import { cpuSeconds, median, memory, sleep, startCollector, stopCollector } from './processes.ts'

/** What is done with lines on their way. */
const pipelines: Readonly<Record<string, string>> = {
  nothing: '',
  'json, labels, timestamp': `
  stage.json {
    expressions = { level = "", ts = "", status = "" }
  }
  stage.labels {
    values = { level = "", status = "" }
  }
  stage.timestamp {
    source = "ts"
    format = "RFC3339Nano"
  }`,
  'regex, template, output': `
  stage.regex {
    expression = \`^\\{"ts":"(?P<ts>[^"]+)","level":"(?P<level>[^"]+)","caller":"(?P<caller>[^"]+)","msg":"(?P<msg>[^"]*)","path":"(?P<path>[^"]*)"\`
  }
  stage.template {
    source   = "out"
    template = "{{ .level | ToUpper }} {{ .msg }} {{ .path }}"
  }
  stage.output {
    source = "out"
  }`,
  'regex with .*, template, output': `
  stage.regex {
    expression = "\\"level\\":\\"(?P<level>[^\\"]*)\\".*\\"msg\\":\\"(?P<msg>[^\\"]*)\\",\\"path\\":\\"(?P<path>[^\\"]*)\\""
  }
  stage.template {
    source   = "out"
    template = "{{ .level | ToUpper }} {{ .msg }} {{ .path }}"
  }
  stage.output {
    source = "out"
  }`,
}

function configText(file: string, port: number, stages: string): string {
  const next = stages === '' ? 'loki.write.w.receiver' : 'loki.process.p.receiver'
  const process = stages === '' ? '' : `loki.process "p" {${stages}\n  forward_to = [loki.write.w.receiver]\n}\n`
  return `
loki.source.file "f" {
  targets    = [{"__path__" = "${file}", "job" = "bench"}]
  forward_to = [${next}]
}
${process}loki.write "w" {
  endpoint {
    url = "http://127.0.0.1:${port}/loki/api/v1/push"
  }
}
`
}

/** Writes about `bytes` bytes of lines; how many. */
function writeLines(path: string, bytes: number): { lines: number; bytes: number } {
  const file = openSync(path, 'w')
  let written = 0
  let lines = 0
  while (written < bytes) {
    let text = ''
    for (let i = 0; i < 1000; i++) {
      lines++
      const time = new Date(1_700_000_000_000 + lines).toISOString()
      text += `{"ts":"${time}","level":"info","caller":"server.go:${lines % 900}","msg":"request done","path":"/api/v1/items/${lines}","status":200,"took_ms":${lines % 97}}\n`
    }
    written += writeSync(file, text)
  }
  closeSync(file)
  return { lines, bytes: written }
}

export interface TailContender {
  readonly name: string
  /** The command for a configuration. */
  command(directory: string, adminPort: number, config: string): readonly string[]
}

interface TailMeasure {
  readonly mbPerCpuSecond: number
  readonly seconds: number
  readonly resident: number
  readonly peak: number
}

export async function tail(
  contenders: readonly TailContender[],
  options: { readonly megabytes: number; readonly rounds: number; readonly only: string },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
  const path = join(directory, 'lines.log')
  const file = writeLines(path, options.megabytes * 1e6)
  let came = 0
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray().catch(() => []))
    response.writeHead(204).end()
    for (const { lines } of decodePush(body)) came += lines.length
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const one = async (contender: TailContender, stages: string): Promise<TailMeasure> => {
    const own = mkdtempSync(join(directory, 'run-'))
    mkdirSync(join(own, 'storage'))
    came = 0
    const began = performance.now()
    const child = startCollector(contender.command(own, await freePort(), configText(path, port, stages)))
    const pid = child.pid ?? 0
    try {
      let [last, lastMs] = [0, performance.now()]
      while (came < file.lines && performance.now() - lastMs < 60_000) {
        await sleep(50)
        if (came !== last) [last, lastMs] = [came, performance.now()]
      }
      const seconds = (performance.now() - began) / 1000
      if (came < file.lines) throw new Error(`${contender.name}: ${came} of ${file.lines} lines came`)
      // What it costs to start is part of the process's time, and small; afterwards it rests.
      const cpu = cpuSeconds(pid)
      const { peak, resident } = memory(pid)
      return { mbPerCpuSecond: file.bytes / 1e6 / cpu, seconds, resident, peak }
    } finally {
      await stopCollector(child)
      rmSync(own, { recursive: true, force: true })
    }
  }
  try {
    process.stdout.write(
      `${(file.bytes / 1e6).toFixed(0)} MB, ${file.lines} lines; medians of ${options.rounds} rounds; start included\n\n` +
        '| | | MB per CPU second | seconds | resident (MB) | peak (MB) |\n|---|---|---|---|---|---|\n',
    )
    for (const [name, stages] of Object.entries(pipelines)) {
      if (!name.includes(options.only)) continue
      const results = new Map<string, TailMeasure[]>(contenders.map((contender) => [contender.name, []]))
      for (let round = 0; round < options.rounds; round++) {
        for (const contender of contenders) results.get(contender.name)?.push(await one(contender, stages))
      }
      for (const [contender, measures] of results) {
        const of = (key: keyof TailMeasure): number => median(measures.map((measure) => measure[key]))
        const cells = [of('mbPerCpuSecond').toFixed(1), of('seconds').toFixed(1)]
        cells.push(of('resident').toFixed(0), of('peak').toFixed(0))
        process.stdout.write(`| ${name} | ${contender} | ${cells.join(' | ')} |\n`)
      }
    }
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
