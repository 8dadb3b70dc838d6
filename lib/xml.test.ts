import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseXml, xmlDepthMax, XmlError, xmlText } from './xml.ts'
import { loadXPath, XPathError } from './xml_path.ts'

test('documents read and write back, with end tags for all elements', () => {
  const cases = [
    { text: '<a/>', want: '<a></a>' },
    {
      text: '<?xml version="1.0"?><a b=\'1"\'>x &lt;&#65;</a>',
      want: '<?xml version="1.0"?><a b="1&#34;">x &lt;A</a>',
    },
    { text: '<a><![CDATA[<x>]]><!-- c --><?p i?></a>', want: '<a><![CDATA[<x>]]><!-- c --><?p i?></a>' },
    { text: '<a xmlns:p="u"><p:b p:c=""/></a>', want: '<a xmlns:p="u"><p:b p:c=""></p:b></a>' },
    { text: 'before<a/>after<b/>', want: '<a></a>after<b></b>' },
    { text: '<a>\r\n</a>', want: '<a>\n</a>' },
    { text: '<a xml:space="default"> x </a>', want: '<a xml:space="default">x</a>' },
  ]
  for (const { text, want } of cases) assert.equal(xmlText(parseXml(text).root), want)
})

test('what is no XML is refused with its line', () => {
  const cases = [
    { text: '', why: /invalid XML document/ },
    { text: '<a>\n<b></a>', why: /line 2: element <b> closed by <\/a>/ },
    { text: '<a', why: /unexpected EOF/ },
    { text: '<a b>', why: /attribute name without =/ },
    { text: '<a b=c/>', why: /unquoted/ },
    { text: '<a>&nope;</a>', why: /invalid character entity &nope;/ },
    { text: '<a>& b</a>', why: /no semicolon/ },
    { text: '<a>]]></a>', why: /unescaped ]]>/ },
    { text: '<a>\0</a>', why: /illegal character code U\+0000/ },
    { text: '<!-- a -- b --><a/>', why: /not allowed in comments/ },
    { text: '<?xml version="1.1"?><a/>', why: /unsupported version "1.1"/ },
    { text: '<p:a/>', why: /namespace p is missing/ },
    { text: '<a>'.repeat(xmlDepthMax + 1), why: /nesting depth/ },
  ]
  for (const { text, why } of cases) assert.throws(() => parseXml(text), { name: 'XmlError', message: why }, text)
})

test('XPath selects nodes, prefixes standing for themselves', async () => {
  const compile = await loadXPath()
  const { root } = parseXml('<a xmlns:p="u" i="1"><b>x</b> <b k="2">y</b><p:b>z</p:b><!--c--></a>')
  const cases = [
    { path: '//b', want: ['x', 'y'] },
    { path: '//p:b', want: ['z'] },
    { path: '/a/b[@k=2]/text()', want: ['y'] },
    { path: '//@i', want: ['1'] },
    { path: '/a/b[last()] | /a/b[1]', want: ['x', 'y'] },
    { path: '/a/node()[2]', want: ['y'] },
    { path: 'count(//b)', want: [] },
  ]
  for (const { path, want } of cases) {
    const found = compile(path)(root).map((node) => node.innerText)
    assert.deepEqual(found, want, path)
  }
  for (const path of ['!', '//', '//b[', 'nope()']) {
    assert.throws(() => compile(path)(root), XPathError, path)
  }
})

test('any text is read or refused, and what is written reads back', () => {
  const unit = fc.constantFrom(
    '<a>',
    '</a>',
    '<b c="d"/>',
    '<',
    '>',
    '&amp;',
    '&',
    'x',
    ' ',
    '"',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?p ',
    '?>',
    '<!D [',
    '=',
  )
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      try {
        const written = xmlText(parseXml(text).root)
        assert.equal(xmlText(parseXml(written).root), written)
      } catch (error) {
        assert.ok(error instanceof XmlError, String(error))
      }
    }),
  )
})
