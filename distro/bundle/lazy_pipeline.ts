// For tests: runs a pipeline that needs every library which is read only when something asks for it.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, Program } from '#component/test_host'

/** From a file through XPath, an expression for re2js and the list of user agents to a file. */
const pipeline = (source: string, written: string): string => `receivers:
  file_log: { include: ['${source}'], start_at: beginning }
processors:
  transform:
    log_statements:
      - set(log.attributes["xml"], GetXML(log.body, "/a/b"))
      - replace_pattern(log.attributes["xml"], "o\\\\pLn", "unfou")
      - merge_maps(log.attributes, UserAgent("curl/7.81.0"), "upsert")
exporters:
  file: { path: '${written}', flush_interval: 100ms }
service:
  pipelines:
    logs: { receivers: [file_log], processors: [transform], exporters: [file] }
`

/** In `directory`, with an environment of nothing but programs of the system. */
export async function runsLazyPipeline(command: string, directory: string): Promise<void> {
  const source = join(directory, 'lazy.log')
  const written = join(directory, 'lazy.json')
  const config = join(directory, 'lazy.yaml')
  writeFileSync(source, '<a><b>found</b></a>\n')
  writeFileSync(config, pipeline(source, written))
  const program = new Program(command, [`--config=${config}`, `--storage.path=${join(directory, 'lazy-storage')}`], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin' },
  })
  try {
    await eventually('the line is written, or the program ends', () => {
      return program.child.exitCode !== null || (existsSync(written) && statSync(written).size > 0)
    })
  } finally {
    const status = await program.stop()
    assert.equal(status, 0, program.output)
  }
  const text = readFileSync(written, 'utf8')
  assert.match(text, /"key":"xml","value":\{"stringValue":"<b>funfoud<\/b>"\}/, program.output)
  assert.match(text, /"key":"user_agent.name","value":\{"stringValue":"curl"\}/, program.output)
}
