import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileRegexp, RegexpError } from './regexp.ts'

describe('compileRegexp', () => {
  it('says what is wrong in the words of Go', () => {
    const cases = [
      { pattern: '(a', want: 'missing closing ): `(a`' },
      { pattern: 'a)', want: 'unexpected ): `a)`' },
      { pattern: '*a', want: 'missing argument to repetition operator: `*`' },
      { pattern: 'a**', want: 'invalid nested repetition operator: `**`' },
      { pattern: 'a{1001}', want: 'invalid repeat count: `{1001}`' },
      { pattern: '(?:a{100}){100}', want: 'invalid repeat count: `{100}`' },
      { pattern: '[b-a]', want: 'invalid character class range: `b-a`' },
      { pattern: '[a', want: 'missing closing ]: `[a`' },
      { pattern: '[[:foo:]]', want: 'invalid character class range: `[:foo:]`' },
      { pattern: '\\C', want: 'invalid escape sequence: `\\C`' },
      { pattern: '\\8', want: 'invalid escape sequence: `\\8`' },
      { pattern: '(?=a)', want: 'invalid or unsupported Perl syntax: `(?=`' },
      { pattern: '(?P<n', want: 'invalid named capture: `(?P<n`' },
      { pattern: 'a\\', want: 'trailing backslash at end of expression: ``' },
      { pattern: '('.repeat(1001) + ')'.repeat(1001), want: /^expression nests too deeply: `\(\(/ },
    ]
    for (const { pattern, want } of cases) {
      assert.throws(
        () => compileRegexp(pattern),
        (error) => {
          assert.ok(error instanceof RegexpError)
          const text = error.message.replace('error parsing regexp: ', '')
          if (typeof want === 'string') assert.equal(text, want)
          else assert.match(text, want)
          return true
        },
      )
    }
    assert.throws(
      () => compileRegexp('a'.repeat(2 ** 20 + 1)),
      /^RegexpError: error parsing regexp: expression too large$/,
    )
    assert.throws(() => compileRegexp('(a', { anchored: true }), /missing closing \): `\^\(\?s:\(a\)\$`$/)
  })

  it('gives each pattern the cheapest engine that is right', () => {
    const cases = [
      { pattern: 'up', anchored: true, want: 'plain' },
      { pattern: '(.*)', anchored: true, want: 'plain' },
      { pattern: 'node_scrape_collector_.+', anchored: true, want: 'plain' },
      { pattern: 'node_.*|(go|process)_.+|up', anchored: true, want: 'plain' },
      { pattern: '^(?:veth|docker).*$', anchored: true, want: 'plain' },
      { pattern: '(.*);(.*)', anchored: true, want: 'plain' },
      { pattern: '^(autofs|cgroup2?|tmpfs)$', want: 'plain' },
      { pattern: 'node_(.+)@(.+)', anchored: true, want: 'native' },
      { pattern: '^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)', want: 'native' },
      { pattern: '^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$', want: 'native' },
      { pattern: '([^:]+)(?::\\d+)?;(\\d+)', anchored: true, want: 'native' },
      { pattern: '(?i)(error|warn)', want: 'native' },
      { pattern: '[0-9]+', want: 'native' },
      { pattern: '\\s*,\\s*(\\w+)?', want: 'guarded' }, // spaces without a comma are read again and again
      { pattern: 'token=(\\S+)', want: 'native' },
      { pattern: '[a-z]{2,40}', want: 'native' },
      { pattern: '(?:[0-9a-f]:?)+', want: 'native' },
      { pattern: '\\pL+', want: 're2' },
      { pattern: '(?i)é', want: 're2' },
      { pattern: '(?m)^(a+)+$', want: 're2' }, // V8's linear engine knows no lookbehind
      { pattern: '(?:a*)*b', want: 're2' },
      { pattern: '(x{20}y?){20}z', want: 're2' },
      { pattern: '(a+)+$', want: 'guarded' },
      { pattern: '(a|a)*b', want: 'guarded' },
      { pattern: '(.+);(.+);(.+)', anchored: true, want: 'guarded' },
      { pattern: '(\\d+)ms', want: 'guarded' },
      { pattern: '.*level=(\\w+).*', want: 'guarded' },
      { pattern: '[0-9]+?', want: 'guarded' },
      { pattern: 'a.*b|a+?', want: 'guarded' },
      { pattern: 'a.*b|a|a+', want: 'guarded' },
      { pattern: 'a(?:|a+|.*b)', want: 'guarded' },
      { pattern: 'xa|ayb*|b+c', want: 'guarded' }, // what begins at the a is no match after xa
      { pattern: 'a?'.repeat(20) + 'a'.repeat(20), want: 'guarded' },
    ] as const
    for (const { pattern, want, ...options } of cases) {
      assert.equal(compileRegexp(pattern, options).engine, want, pattern)
    }
  })

  it('asks a set where there are thousands of names', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `metric_${i}_total`)
    const regexp = compileRegexp(`(${names.join('|')})`, { anchored: true })
    assert.equal(regexp.engine, 'plain')
    assert.deepEqual(
      ['metric_4999_total', 'metric_5000_total', 'metric_1_tota'].map((n) => regexp.test(n)),
      [true, false, false],
    )
    assert.deepEqual([...(regexp.match('metric_7_total') ?? [])], ['metric_7_total', 'metric_7_total'])
    assert.equal(compileRegexp('[a-j]'.repeat(5), { anchored: true }).engine, 'native') // not written out
  })

  it('gives the same object for the same pattern', () => {
    assert.equal(compileRegexp('same.+'), compileRegexp('same.+'))
    assert.notEqual(compileRegexp('same.+'), compileRegexp('same.+', { anchored: true }))
    assert.equal(JSON.stringify([compileRegexp('same.+')]), '["same.+"]')
    for (let i = 0; i < 300; i++) compileRegexp(`other${i}.+`)
    assert.equal(compileRegexp('same.+').test('same!'), true)
  })

  it('leaves re2js unloaded as long as no pattern needs it', () => {
    const program = `
      import { compileRegexp } from ${JSON.stringify(new URL('./regexp.ts', import.meta.url).href)}
      import { isRe2Loaded } from ${JSON.stringify(new URL('./regexp_re2.ts', import.meta.url).href)}
      for (const p of ['(.*)', 'node_(.+)@(.+)', '[^:]+:\\\\d+', 'a|b.*']) compileRegexp(p, { anchored: true }).match('x')
      console.log(isRe2Loaded())
      compileRegexp('\\\\pL')
      console.log(isRe2Loaded())`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 120_000 })
    assert.equal(run.stderr.toString(), '')
    assert.equal(run.stdout.toString(), 'false\ntrue\n')
  })
})

describe('Regexp', () => {
  it('matches as RE2 does where JavaScript differs', () => {
    const cases = [
      { pattern: 'a.b', text: 'a\rb', want: true },
      { pattern: 'a.b', text: 'a\u2028b', want: true },
      { pattern: 'a.b', text: 'a\nb', want: false },
      { pattern: '(?s)a.b', text: 'a\nb', want: true },
      { pattern: '^a.b$', text: 'a😀b', want: true },
      { pattern: '^a[^x]b$', text: 'a😀b', want: true },
      { pattern: '^a[^x]{2}b$', text: 'a😀b', want: false },
      { pattern: 'a$', text: 'a\n', want: false },
      { pattern: '(?m)a$', text: 'a\nb', want: true },
      { pattern: '(?m)a$', text: 'a\rb', want: false },
      { pattern: '(?m)^b', text: 'a\nb', want: true },
      { pattern: '\\s', text: '\v', want: false },
      { pattern: '[[:space:]]', text: '\v', want: true },
      { pattern: '\\s', text: '\u00a0', want: false },
      { pattern: '\\d', text: '٣', want: false },
      { pattern: '\\w', text: 'é', want: false },
      { pattern: 'é\\b', text: 'é', want: false },
      { pattern: '(?i)k', text: '\u212a', want: true },
      { pattern: '(?i)[s]', text: '\u017f', want: true },
      { pattern: '(?i)\\W', text: '\u017f', want: false },
      { pattern: '(?i)É', text: 'é', want: true },
      { pattern: '\\pL', text: 'é', want: true },
      { pattern: '^[[:^alpha:]]$', text: '1', want: true },
      { pattern: '^\\Qa.b\\E$', text: 'a.b', want: true },
      { pattern: '^\\Qa.b\\E+$', text: 'a.bb', want: true },
      { pattern: '^[]a]$', text: ']', want: true },
      { pattern: '^[^]a]$', text: 'b', want: true },
      { pattern: '^[a-b-c]+$', text: 'a-c', want: true },
      { pattern: '^a{,2}$', text: 'a{,2}', want: true },
      { pattern: '^\\x{1F600}\\x41$', text: '😀A', want: true },
      { pattern: '^\\a\\f\\t\\n\\r\\v$', text: '\x07\f\t\n\r\v', want: true },
    ]
    for (const { pattern, text, want } of cases) {
      assert.equal(compileRegexp(pattern).test(text), want, `${pattern} on ${JSON.stringify(text)}`)
      assert.equal(compileRegexp(pattern, { engine: 're2' }).test(text), want, `re2: ${pattern}`)
    }
  })

  it('anchors by pasting, as Prometheus does', () => {
    assert.equal(compileRegexp('a|b', { anchored: true }).test('xb'), false)
    assert.equal(compileRegexp('a)|(b', { anchored: true }).test('xb'), true)
    assert.equal(compileRegexp('a.*', { anchored: true }).test('a\nb'), true)
  })

  it('takes a name for several groups, as Go does', () => {
    for (const engine of ['auto', 're2'] as const) {
      for (const pattern of ['(?P<n>a)(?<n>b)|(c)', '(?P<n>a+?)[(](?P<n>b)\\(\\Q(?P<x>\\E(c)(?:d)']) {
        assert.deepEqual(compileRegexp(pattern, { engine }).subexpNames, ['', 'n', 'n', ''], pattern)
      }
      const regexp = compileRegexp('(?P<n>a)(?P<n>b)', { engine })
      assert.deepEqual([...(regexp.match('xab') ?? [])], ['ab', 'a', 'b'])
      assert.equal(regexp.replaceAll('ab', '<$n>'), '<a>')
    }
  })

  it('gives groups, of which those that took no part are empty', () => {
    const regexp = compileRegexp('(?P<word>[a-z]+)(?:=(\\d+))?(x)?')
    assert.deepEqual(regexp.subexpNames, ['', 'word', '', ''])
    assert.deepEqual([...(regexp.match('- ab=12') ?? [])], ['ab=12', 'ab', '12', ''])
    assert.equal(regexp.match('-'), null)
    const found = regexp.exec('ab cd=1', 2)
    assert.deepEqual(found?.offsets, [3, 7, 3, 5, 6, 7, -1, -1])
    assert.deepEqual(found?.groups, ['cd=1', 'cd', '1', undefined])
    assert.deepEqual([...(found?.named ?? [])], [['word', 'cd']])
    assert.equal(compileRegexp('^b').exec('ab', 1), null)
    assert.deepEqual(
      compileRegexp('a*')
        .execAll('baac')
        .map((m) => [m.index, m.end]),
      [
        [0, 0],
        [1, 3],
        [4, 4],
      ],
    )
    assert.deepEqual([...(compileRegexp('(?:(a)|b)*').match('ab') ?? [])], ['ab', 'a']) // JavaScript forgets the a
  })

  it('expands templates by the rules of Go', () => {
    const regexp = compileRegexp('(?P<a>[a-z]+)-(\\d+)(z)?')
    const match = regexp.match('ab-12')
    assert.ok(match)
    const cases = [
      { template: '$1', want: 'ab' },
      { template: '${1}x', want: 'abx' },
      { template: '$1x', want: '' },
      { template: '$a_$2', want: '12' },
      { template: '${a}_$2', want: 'ab_12' },
      { template: '$0', want: 'ab-12' },
      { template: '$$1', want: '$1' },
      { template: '$', want: '$' },
      { template: '$-', want: '$-' },
      { template: '${a', want: '${a' },
      { template: '${a-b}', want: '${a-b}' },
      { template: '${}', want: '${}' },
      { template: '$3|$9|$01|$none|', want: '||||' },
      { template: 'pläin', want: 'pläin' },
    ]
    for (const { template, want } of cases) assert.equal(regexp.expand(template, match), want, template)
  })

  it('replaces every match as Go does', () => {
    const cases = [
      { pattern: 'a(x*)b', text: '-ab-axxb-', template: '${1}W', want: '-W-xxW-' },
      { pattern: 'a*', text: 'baac', template: 'x', want: 'xbxcx' },
      { pattern: 'b', text: 'ac', template: 'x', want: 'ac' },
      { pattern: '', text: 'a😀', template: '-', want: '-a-😀-' },
      { pattern: 'a', text: 'aa', template: '', want: '' },
      { pattern: '^a', text: 'aa', template: 'b', want: 'ba' },
      { pattern: 'a+', text: 'aa-a', template: '$$&', want: '$&-$&' },
      { pattern: 'a+', text: 'aa-a', template: '$', want: '$-$' },
      { pattern: '(?P<n>a)|(?P<n>b)', text: 'abc', template: '<$n>', want: '<a><b>c' },
      { pattern: '(?P<n>a)(?P<n>b)', text: 'abc', template: '<$n>', want: '<a>c' },
      { pattern: '[^b]', text: 'a😀b', template: '-', want: '--b' },
    ]
    for (const { pattern, text, template, want } of cases) {
      assert.equal(compileRegexp(pattern).replaceAll(text, template), want, pattern)
    }
  })

  it('stays linear on texts made to blow up backtracking', { timeout: 60_000 }, () => {
    const n = 50_000
    const cases = [
      { pattern: '(a+)+$', text: 'a'.repeat(n) + 'b' },
      { pattern: '(a|aa)+$', text: 'a'.repeat(n) + 'b' },
      { pattern: '(x+x+)+y', text: 'x'.repeat(n) },
      { pattern: '(.*)(.*)(.*)[,]', text: 'a'.repeat(n) },
      { pattern: '^(.+)@(.+);$', text: '@'.repeat(n) },
      { pattern: '[ab]*[bc]*[cd]*e', text: 'abcd'.repeat(n / 4) },
      { pattern: '\\d{20}x', text: '1'.repeat(n) },
      { pattern: '(\\w+)\\s+(\\w+)$', text: 'a '.repeat(n / 2) },
    ]
    for (const { pattern, text } of cases) {
      assert.equal(compileRegexp(pattern).test(text), false, pattern)
    }
  })

  it('stays linear where it looks for every match', { timeout: 60_000 }, () => {
    const n = 50_000
    const cases = [
      { pattern: '[0-9]+', text: '1'.repeat(n), want: '-' },
      { pattern: 'a[^b]?', text: 'a'.repeat(n), want: '-'.repeat(n / 2) },
      { pattern: 'xa|ayb*|b+c', text: 'xay' + 'b'.repeat(n), want: '-y' + 'b'.repeat(n) },
      { pattern: '(?:ab)+', text: 'ab'.repeat(n / 2) + 'a', want: '-a' },
      { pattern: 'token=\\S+', text: 'token='.repeat(n / 6) + ' token', want: '- token' },
    ]
    for (const { pattern, text, want } of cases) {
      assert.equal(compileRegexp(pattern).replaceAll(text, '-'), want, pattern)
    }
  })

  it('gives texts too long for V8 to re2js', () => {
    const regexp = compileRegexp('^(?:ab|cd)*$')
    assert.equal(regexp.engine, 'native')
    assert.equal(regexp.test('ab'.repeat(100_000)), true)
    assert.equal(regexp.match('ab'.repeat(100_000))?.[0]?.length, 200_000)
  })
})

// ---------------------------------------------------------------------------------------------------------------- fuzz

const letters = ['a', 'b', 'k', 'S', '1', '_', '-', ' ', '\n', '\r', 'é', '😀', '\u2028', '\u212a', '.']
const atoms = [
  'a',
  'b',
  'k',
  'S',
  '1',
  '_',
  '-',
  ' ',
  'é',
  '😀',
  '\\.',
  '\\n',
  '\\x41',
  '\\x{1F600}',
  '\\-',
  '{',
  '}',
  ',',

  '.',
  '\\d',
  '\\D',
  '\\s',
  '\\S',
  '\\w',
  '\\W',
  '[ab]',
  '[^ab]',
  '[^a\\n]',
  '[a-k]',
  '[[:alpha:]_]',
  '[^é]',
  '[\\d-]',

  '[[:^space:]]',
  '[\\s\\S]',
  '[a😀]',
  '\\Qa.\\E',
  '^',
  '$',
  '\\b',
  '\\B',
  '\\A',
  '\\z',
  '',
  '(?i)',
  '(?s)',
  '(?U)',
  '(?m)',
  '.*',
  '.+',
  '(?s:.*)',
  '(?s:.+)',
  '(?i:k)',
  '(?i:[s-t])',
  '(?i:\\w)',
  '\\pL',
]
const quantifiers = ['', '', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{2,}', '{0,1}?']

const patterns = fc.letrec<{ pattern: string; sequence: string; atom: string }>((tie) => ({
  pattern: fc.oneof(
    { depthSize: 'small' },
    { weight: 4, arbitrary: tie('sequence') },
    { weight: 1, arbitrary: fc.tuple(tie('sequence'), tie('pattern')).map(([a, b]) => `${a}|${b}`) },
  ),
  sequence: fc
    .array(
      fc.tuple(tie('atom'), fc.constantFrom(...quantifiers)).map(([a, q]) => a + q),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => parts.join('')),
  atom: fc.oneof(
    { depthSize: 'small' },
    { weight: 6, arbitrary: fc.constantFrom(...atoms) },
    { weight: 1, arbitrary: tie('pattern').map((p) => `(${p})`) },
    { weight: 1, arbitrary: tie('pattern').map((p) => `(?:${p})`) },
  ),
})).pattern

const texts = fc.array(fc.constantFrom(...letters), { maxLength: 12 }).map((parts) => parts.join(''))

describe('the stand-ins for re2js', () => {
  const numRuns = Number(process.env.FUZZ_RUNS ?? 1000)

  it('give what re2js gives', () => {
    const used = { plain: 0, native: 0, guarded: 0, re2: 0, wrong: 0 }
    fc.assert(
      fc.property(
        patterns,
        fc.boolean(),
        fc.array(texts, { minLength: 1, maxLength: 8 }),
        (pattern, anchored, subjects) => {
          const [ours, theirs] = ['auto', 're2'].map((engine) => {
            try {
              return compileRegexp(pattern, { anchored, engine: engine as 'auto' | 're2' })
            } catch (error) {
              return (error as Error).message
            }
          })
          if (typeof ours === 'string' || typeof theirs === 'string') {
            used.wrong++
            assert.equal(ours, theirs)
            return
          }
          assert.ok(ours && theirs)
          used[ours.engine]++
          assert.deepEqual(ours.subexpNames, theirs.subexpNames)
          for (const text of subjects) {
            assert.equal(ours.test(text), theirs.test(text), `test ${JSON.stringify(text)}`)
            const match = theirs.match(text)
            assert.deepEqual(ours.match(text)?.slice(), match === null ? undefined : match.slice())
            assert.deepEqual(ours.execAll(text), theirs.execAll(text), `execAll ${JSON.stringify(text)}`)
            assert.deepEqual(ours.placeAll(text), theirs.placeAll(text), `placeAll ${JSON.stringify(text)}`)
            assert.equal(ours.replaceAll(text, '<$0,$1>'), theirs.replaceAll(text, '<$0,$1>'))
          }
        },
      ),
      { numRuns },
    )
    assert.ok(used.plain > numRuns / 50 && used.native > numRuns / 10 && used.re2 > numRuns / 50, JSON.stringify(used))
  })
})
