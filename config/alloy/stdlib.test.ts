import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FunctionValue, isObjectValue, Secret, type Stability, type Value, ValueError } from '#component'
import { floatText } from '#lib/go_float_text'
import { formattedLengthMax, sprintf } from './format.ts'
import { filterDepthMax, pathStepsMax, selectJson } from './json_path.ts'
import { jsonDepthMax, jsonFromValue, valueFromJson } from './json_text.ts'
import { isStandardName, standardLibrary } from './stdlib.ts'
import { fromBase64, toBase64, urlDecode, urlEncode } from './text_functions.ts'
import { valueFromYaml, yamlDepthMax } from './yaml_values.ts'

function libraryAt(stability: Stability, version = 'v1.2.3') {
  return standardLibrary({ hostname: 'here', version, environment: { HERE: 'set' }, stability })
}

function member(library: ReadonlyMap<string, Value>, name: string): Value {
  let value: Value = library as Value
  for (const part of name.split('.')) value = isObjectValue(value) ? (value.get(part) ?? null) : null
  return value
}

function call(library: ReadonlyMap<string, Value>, name: string, ...args: Value[]): Value {
  const f = member(library, name)
  assert.ok(f instanceof FunctionValue, name)
  return f.call(args)
}

const experimental = libraryAt('experimental')

test('experimental functions need a process that allows them', () => {
  for (const name of ['array.combine_maps', 'array.group_by']) {
    for (const stability of ['public-preview', 'generally-available'] as const) {
      assert.throws(() => call(libraryAt(stability), name), {
        name: 'ValueError',
        message:
          'is at stability level "experimental", which is below the minimum allowed stability level ' +
          `"${stability}": use --stability.level command-line flag to enable "experimental" features`,
      })
    }
  }
  const items = [new Map([['k', 'v']])]
  assert.deepEqual(call(experimental, 'array.combine_maps', items, items, ['k']), items)
})

test('the old names of functions stay', () => {
  const aliases = {
    base64_decode: 'encoding.from_base64',
    concat: 'array.concat',
    env: 'sys.env',
    format: 'string.format',
    join: 'string.join',
    json_decode: 'encoding.from_json',
    nonsensitive: 'convert.nonsensitive',
    replace: 'string.replace',
    split: 'string.split',
    to_lower: 'string.to_lower',
    to_upper: 'string.to_upper',
    trim: 'string.trim',
    trim_prefix: 'string.trim_prefix',
    trim_space: 'string.trim_space',
    trim_suffix: 'string.trim_suffix',
    yaml_decode: 'encoding.from_yaml',
  }
  for (const [alias, name] of Object.entries(aliases))
    assert.equal(experimental.get(alias), member(experimental, name), alias)
})

test('the standard names are those of the library', () => {
  for (const name of experimental.keys()) assert.ok(isStandardName(name), name)
  for (const name of ['prometheus', 'toString', 'constructor', '']) assert.ok(!isStandardName(name), name)
})

test('constants tell the host, the platform and the version with its v', () => {
  const platforms = { linux: 'linux', darwin: 'darwin', win32: 'windows' }
  assert.equal(member(experimental, 'constants.hostname'), 'here')
  assert.equal(member(experimental, 'constants.os'), (platforms as Record<string, string>)[process.platform])
  assert.match(String(member(experimental, 'constants.arch')), /^(amd64|arm64)$/)
  for (const [version, want] of [
    ['1.2.3', 'v1.2.3'],
    ['v1.2.3', 'v1.2.3'],
    [' ', 'v0.0.0'],
    ['main', 'main'],
  ] as const) {
    assert.equal(member(libraryAt('experimental', version), 'constants.version'), want)
  }
})

test('the environment is read when it is asked for, and only itself', () => {
  const environment: Record<string, string | undefined> = {}
  const library = standardLibrary({ hostname: '', version: '', environment, stability: 'experimental' })
  assert.equal(call(library, 'sys.env', 'LATER'), '')
  environment['LATER'] = 'now'
  assert.equal(call(library, 'sys.env', 'LATER'), 'now')
  assert.equal(call(library, 'sys.env', 'toString'), '')
})

test('what is made of a secret by format and to_json stays one', () => {
  const secret = new Secret('sesame')
  const formatted = call(experimental, 'string.format', 'Bearer %s %d', secret, 1n)
  assert.ok(formatted instanceof Secret)
  assert.equal(formatted.reveal(), 'Bearer sesame 1')
  const json = call(experimental, 'encoding.to_json', new Map([['k', [secret]]]))
  assert.ok(json instanceof Secret)
  assert.equal(json.reveal(), '{"k":["sesame"]}')
})

const refused: readonly { name: string; run: () => unknown; want: RegExp }[] = [
  {
    name: 'formatted texts',
    run: () => sprintf('%999999s'.repeat(100), Array(100).fill('x')),
    want: new RegExp(`more than ${formattedLengthMax}`),
  },
  {
    name: 'JSON in JSON',
    run: () => valueFromJson('['.repeat(100_000), 'floats'),
    want: new RegExp(`deeper than ${jsonDepthMax}`),
  },
  {
    name: 'YAML in YAML',
    run: () => valueFromYaml(`${'['.repeat(yamlDepthMax + 5)}${']'.repeat(yamlDepthMax + 5)}`),
    want: /nested deeper/,
  },
  {
    name: 'aliases of aliases',
    run: () => {
      let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n'
      for (let i = 1; i < 9; i++)
        text += `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]\n`
      return valueFromYaml(text)
    },
    want: /stands for more than \d+ values|alias/i,
  },
  {
    name: 'steps of a path',
    run: () => selectJson(valueFromJson('['.repeat(300) + ']'.repeat(300), 'integers'), `$${'..'.repeat(5)}x`),
    want: new RegExp(`more than ${pathStepsMax} steps`),
  },
  {
    name: 'brackets of a filter',
    run: () => selectJson(null, `$[?${'('.repeat(10_000)}`),
    want: /filter nested too deep/,
  },
  {
    name: 'elements of a list',
    run: () => {
      const items = Array(3000).fill(new Map([['k', 'v']])) as Value[]
      return call(experimental, 'array.combine_maps', items, items, ['other'], true)
    },
    want: /makes a list of more than \d+ elements/,
  },
]
for (const { name, run, want } of refused) {
  test(`there is a bound on ${name}`, () => {
    assert.ok(filterDepthMax > 0)
    assert.throws(run, (error: Error) => error instanceof ValueError && want.test(error.message))
  })
}

test('JSON reads back as it was written, as the platform reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value)
      const read = valueFromJson(text, 'floats')
      assert.deepEqual(JSON.parse(jsonFromValue(read)), JSON.parse(text) as unknown)
    }),
    { numRuns: 500, interruptAfterTimeLimit: 1000 },
  )
})

test('texts that the platform refuses as JSON are refused, and others are not', () => {
  const token = fc.constantFrom(...'{}[],:"-.0123eE+ \n'.split(''), '"a"', 'true', 'null', 'fals', '\\u00e9', '\u0000')
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const text = tokens.join('')
      let valid = true
      try {
        valid = !JSON.stringify(JSON.parse(text)).includes('e+') // numbers out of range are refused here
      } catch {
        valid = false
      }
      try {
        valueFromJson(text, 'integers')
        assert.ok(valid || /\d[eE]\+?\d/.test(text), text)
      } catch (error) {
        assert.ok(error instanceof ValueError)
        assert.ok(!valid || /[eE]/.test(text), text)
      }
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 1000 },
  )
})

test('texts come back from the encodings that they went into', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const whole = text.toWellFormed()
      assert.equal(urlDecode(urlEncode(whole)), whole)
      for (const alphabet of ['base64', 'base64url'] as const) {
        assert.equal(Buffer.from(fromBase64(toBase64(whole, alphabet), alphabet)).toString(), whole)
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 1000 },
  )
})

test('floats are written so that they read back, and rounded as the platform rounds where no half is met', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(20), (x, digits) => {
      for (const verb of ['e', 'f', 'g'] as const)
        assert.ok(Object.is(Number(floatText(x, verb, -1)), x), `${x} ${verb}`)
      const exponential = x.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2')
      const own = floatText(x, 'e', digits)
      if (own !== exponential)
        assert.ok(Math.abs(Number(own) - x) <= Math.abs(Number(exponential) - x), `${x} ${digits}`)
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 1000 },
  )
})

test('any template and path is read to its end or refused', () => {
  const template = fc.array(fc.constantFrom('%', ...'+-# 0123456789.*[]vdsqxXfegGtbocUTp!'.split(''), 'é'), {
    maxLength: 15,
  })
  const value = fc.constantFrom<Value>(
    null,
    1n,
    -1n,
    2n ** 64n - 1n,
    1.5,
    -0,
    NaN,
    'é',
    true,
    [1n, 'x'],
    new Map([['a', null]]),
  )
  const path = fc.array(fc.constantFrom(...'$@.*[]?()!=<>&|+-/,:"\'0123ab '.split(''), 'in', 'has', 'length', 'true'), {
    maxLength: 15,
  })
  const data = valueFromJson('{"a":[{"b":1},{"b":"x","a":[1,2,[3]]}],"b":null}', 'integers')
  fc.assert(
    fc.property(template, fc.array(value, { maxLength: 4 }), path, (parts, args, steps) => {
      assert.equal(typeof sprintf(parts.join(''), args), 'string')
      try {
        selectJson(data, steps.join(''))
      } catch (error) {
        assert.ok(error instanceof ValueError, String(error))
      }
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 1500 },
  )
})
