import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileTemplate, TemplateError, TemplateFault, type TemplateValue } from './door.ts'

const data = new Map<string, TemplateValue>([
  ['msg', 'Hello "World"'],
  ['n', '5'],
  ['level', 'warn'],
  ['empty', ''],
  ['f', '1.5'],
  ['json', '{"a":[1,2.5,"x",null,true],"b":{"c":1}}'],
  ['path', '/a/b/c.txt'],
])

/** A template and, below it, what text/template makes of it: a text, `refused` when read or `fails` when carried out. */
const cases = [
  ...readFileSync(join(import.meta.dirname, 'testdata/templates.txt'), 'utf8').matchAll(/^(".*")\n {4}(.*)$/gm),
]

/** Mistakes that are always fatal are told when the template is read, not for every line as in Go. */
const toldEarly = /^(?:undefined variable|template "X" not defined|wrong number of args|nil is not|can't give argument)/

describe('templates', () => {
  for (const [, written = '', want = ''] of cases) {
    it(written, () => {
      const text = JSON.parse(written) as string
      if (want === 'refused') assert.throws(() => compileTemplate(text), TemplateError)
      else if (want !== 'fails') assert.equal(compileTemplate(text)(data), JSON.parse(want))
      else {
        assert.throws(
          () => compileTemplate(text)(data),
          (error) =>
            error instanceof TemplateFault ||
            (error instanceof TemplateError && toldEarly.test(error.message.replace(/^line \d+, column \d+: /, ''))),
        )
      }
    })
  }

  it('say where they are wrong', () => {
    const wrong: [text: string, want: string][] = [
      ['a\n  {{ if .x }}\n', 'line 3, column 1: {{if}} without {{end}}'],
      ['é {{ nothing 1 }}', 'line 1, column 6: function "nothing" not defined'],
      ['{{ "a', 'line 1, column 4: unterminated quoted string'],
      ['{{ .x', 'line 1, column 1: unclosed action'],
      ['\n{{ $y }}', 'line 2, column 4: undefined variable "$y"'],
      ['{{ ( .x }}', 'line 1, column 4: unclosed left paren'],
      ['{{ template "T" }}', 'line 1, column 13: template "T" not defined'],
    ]
    for (const [text, message] of wrong) assert.throws(() => compileTemplate(text), { message })
  })

  it('end where they would go on for too long', () => {
    for (const text of [
      '{{ range 100000000000 }}{{ end }}',
      '{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}',
      '{{ range 1000000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}',
    ]) {
      assert.throws(() => compileTemplate(text)(data), TemplateFault)
    }
    assert.throws(() => compileTemplate(`{{ ${'('.repeat(5000)} }}`), TemplateError)
    assert.throws(() => compileTemplate('{{ if 1 }}'.repeat(5000)), TemplateError)
  })

  it('are read or refused, and carried out or not, never worse', () => {
    const part = fc.constantFrom(
      '{{',
      '}}',
      '{{-',
      '-}}',
      ' ',
      '.',
      '.msg',
      '$',
      '$x',
      ':=',
      '=',
      '|',
      '(',
      ')',
      '"a"',
      '`b`',
      "'c'",
      '1',
      '2.5',
      'if',
      'else',
      'end',
      'range',
      'with',
      'define',
      'block',
      'template',
      'break',
      'nil',
      'true',
      'eq',
      'len',
      'printf',
      'index',
      'and',
      'not',
      ',',
      '"%d"',
      '/*',
      '*/',
      '\n',
      'x',
      '{{ end }}',
      '{{ range 3 }}',
      '{{ if .n }}',
      '\\',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
        for (const text of [parts.join(''), parts.join(' '), `{{ ${parts.join(' ')} }}`]) {
          try {
            compileTemplate(text)(data)
          } catch (error) {
            assert.ok(error instanceof TemplateError || error instanceof TemplateFault, String(error))
          }
        }
      }),
      { numRuns: 3000 },
    )
  })
})
