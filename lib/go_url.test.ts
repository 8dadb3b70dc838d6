import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { goUrlText, hostAndPort, parseGoQuery, parseGoUrl, UrlError, userText } from './go_url.ts'

/** The parts that are there, in one line. */
function parts(text: string): string {
  const url = parseGoUrl(text)
  const { name, port } = hostAndPort(url.host)
  const user = url.user === null ? '' : `${userText(url.user)}@`
  return [url.scheme, url.opaque, user + name, port, url.path, url.query, url.fragment].join('|')
}

test('URLs come apart as in Go', () => {
  const cases = [
    { text: 'HTTP://u:p%40@Host:80/a%20b/c.gif?k=v#f%41', want: 'http||u:p%40@Host|80|/a b/c.gif|k=v|fA' },
    { text: 'mailto:me@here', want: 'mailto|me@here|||||' },
    { text: '//[::1]:8080/x', want: '||::1|8080|/x||' },
    { text: 'http://[fe80::1%25en0]/', want: 'http||fe80::1%en0||/||' },
    { text: '/just/a/path?', want: '||||/just/a/path||' },
    { text: 'http://a b/', want: 'parse "http://a b/": invalid character " " in host name' },
    { text: 'http://h/%zz', want: 'parse "http://h/%zz": invalid URL escape "%zz"' },
    { text: 'http://h:port/', want: 'parse "http://h:port/": invalid port ":port" after host' },
    { text: 'http://[::1/', want: 'parse "http://[::1/": missing \']\' in host' },
    { text: ':x', want: 'parse ":x": missing protocol scheme' },
    { text: '1:2/x', want: 'parse "1:2/x": first path segment in URL cannot contain colon' },
    { text: 'http://h/\n', want: 'parse "http://h/\\n": net/url: invalid control character in URL' },
  ]
  for (const { text, want } of cases) {
    if (want.startsWith('parse ')) assert.throws(() => parseGoUrl(text), new UrlError(want))
    else assert.equal(parts(text), want)
  }
})

test('URLs are put together again, escaped where they have to be', () => {
  const cases = [
    { text: 'http://u:p@h:80/a%2fb?q#f', want: 'http://u:p@h:80/a%2fb?q#f' },
    { text: 'HTTP://h/a b', want: 'http://h/a%20b' },
    { text: 'http://h?', want: 'http://h?' },
    { text: 'file:/etc', want: 'file:/etc' },
    { text: 'x:y z', want: 'x:y z' },
    { text: '/é', want: '/%C3%A9' },
  ]
  for (const { text, want } of cases) assert.equal(goUrlText(parseGoUrl(text)), want)
})

test('queries give the values of each key', () => {
  assert.deepEqual(
    [...parseGoQuery('a=1&b=%41+c&a=2&&d')],
    [
      ['a', ['1', '2']],
      ['b', ['A c']],
      ['d', ['']],
    ],
  )
  assert.throws(() => parseGoQuery('a;b'), UrlError)
})

test('any text is taken apart and put together, or refused', () => {
  const unit = fc.constantFrom(...'aZ09:/?#@[]%. é&=', '%41', '//', 'http://', '::1')
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      try {
        const again = goUrlText(parseGoUrl(text))
        assert.equal(goUrlText(parseGoUrl(again)), again)
      } catch (error) {
        assert.ok(error instanceof UrlError)
      }
    }),
  )
})
