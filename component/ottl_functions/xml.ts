// Converters of XML.
import {
  defineConverter,
  type FunctionDefinition,
  type Getter,
  optional,
  OttlError,
  stringGetter,
  stringLiteral,
} from '#component/ottl'
import { quote } from '#lib/go_quote'
import { nodeText, parseXml, XmlError, XmlNode, xmlText } from '#lib/xml'
import { loadXPath, type XPathCompile, XPathError, type XPathSelect } from '#lib/xml_path'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueDepthMax, KeyValueList } from '#pdata/otlp'
import { AttributeIndex } from './attribute_index.ts'

/** Throws `OttlError` for what is no XML and what is no XPath. */
function checked<T>(prefix: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw error instanceof XmlError || error instanceof XPathError ? new OttlError(prefix + error.message) : error
  }
}

/** A document, with its declaration only where the text begins with one. */
function documentOf(text: string): XmlNode {
  const { root } = checked('parse xml: ', () => parseXml(text))
  if (!text.startsWith('<?xml') && root.first?.kind !== 'element') root.first?.remove()
  return root
}

function selectOf(compile: XPathCompile, expression: string): XPathSelect {
  const select = checked('invalid xpath: ', () => compile(expression))
  return (root) => checked('', () => select(root))
}

/** A converter of a document that an XPath selects from; what `edit` gives is the result. */
function byXPath(name: string, edit: (root: XmlNode, nodes: readonly XmlNode[]) => string): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: stringGetter, x_path: stringLiteral },
    load: loadXPath,
    create({ target, x_path }, compile) {
      const select = selectOf(compile, x_path)
      return (context) => {
        const text = target(context)
        if (text === '') return ''
        const root = documentOf(text)
        return edit(root, select(root))
      }
    },
  })
}

const getXml = byXPath('GetXML', (_, nodes) => {
  let out = ''
  for (const node of nodes) {
    if (node.kind === 'element' || node.kind === 'text' || node.kind === 'attribute') out += nodeText(node, true)
    // What stands in CDATA becomes a text like any other.
    else if (node.kind === 'cdata') out += nodeText(new XmlNode('text', '', '', node.data), true)
  }
  return out
})

const removeXml = byXPath('RemoveXML', (root, nodes) => {
  for (const node of nodes) if (node.kind !== 'document' && node.kind !== 'declaration') node.remove()
  return xmlText(root)
})

const insertXml = defineConverter({
  name: 'InsertXML',
  parameters: { target: stringGetter, x_path: stringLiteral, sub_document: stringGetter },
  load: loadXPath,
  create({ target, x_path, sub_document }, compile) {
    const select = selectOf(compile, x_path)
    return (context) => {
      const text = target(context)
      const root = text === '' ? new XmlNode('document', '', '', '') : documentOf(text)
      const inserted = documentOf(sub_document(context))
      for (const node of select(root)) {
        if (node.kind !== 'element' && node.kind !== 'document') {
          throw new OttlError(
            `InsertXML XPath selected non-element: ${quote(node.name === '' ? node.data : node.name)}`,
          )
        }
        for (let child = inserted.first; child !== null; child = child.next) node.append(child.clone())
      }
      return xmlText(root)
    }
  },
})

const convertAttributes = defineConverter({
  name: 'ConvertAttributesToElementsXML',
  parameters: { target: stringGetter, x_path: optional(stringLiteral) },
  load: loadXPath,
  create({ target, x_path }, compile) {
    const select = selectOf(compile, x_path === undefined || x_path === '' ? '//@*' : x_path)
    return (context) => {
      const root = documentOf(target(context))
      for (const node of select(root)) {
        const owner = node.parent
        if (node.kind !== 'attribute' || owner === null) continue
        const element = new XmlNode('element', node.name, '', '')
        element.append(new XmlNode('text', '', '', node.data))
        owner.append(element)
        node.remove()
      }
      return xmlText(root)
    }
  },
})

const convertText = defineConverter({
  name: 'ConvertTextToElementsXML',
  parameters: { target: stringGetter, x_path: optional(stringLiteral), element_name: optional(stringLiteral) },
  load: loadXPath,
  create({ target, x_path, element_name }, compile) {
    const select = selectOf(compile, x_path === undefined || x_path === '' ? '/' : x_path)
    const name = element_name === undefined || element_name === '' ? 'value' : element_name
    return (context) => {
      const root = documentOf(target(context))
      for (const node of select(root)) wrapTexts(node, name)
      return xmlText(root)
    }
  },
})

/** Put texts that have neighbours into elements of their own, at every level. */
function wrapTexts(parent: XmlNode, name: string): void {
  if (parent.kind !== 'element' && parent.kind !== 'document') return
  const texts: XmlNode[] = []
  let elements = 0
  for (let child = parent.first; child !== null; child = child.next) {
    if (child.kind === 'text') texts.push(child)
    if (child.kind !== 'element') continue
    elements++
    wrapTexts(child, name)
  }
  if (texts.length + elements <= 1) return
  for (const text of texts) {
    const element = new XmlNode('element', name, '', '')
    element.parent = parent
    element.previous = text.previous
    element.next = text.next
    if (text.previous === null) parent.first = element
    else text.previous.next = element
    if (text.next === null) parent.last = element
    else text.next.previous = element
    element.append(text)
  }
}

// ---------------------------------------------------------------------------------------------------- XML to maps

/** A converter without XPath. */
function toMap(name: string, convert: (text: string) => KeyValueList): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: stringGetter },
    create({ target }: { readonly target: Getter<string> }) {
      return (context) => convert(target(context))
    },
  })
}

function checkDepth(depth: number): void {
  if (depth > anyValueDepthMax) {
    throw new OttlError(
      `the XML is nested too deep for a value: at most ${anyValueDepthMax} maps and lists in one another`,
    )
  }
}

function parsedXml(text: string): KeyValueList {
  const { root, end } = checked('unmarshal xml: ', () => parseXml(text, true))
  if (end !== text.replace(/\r\n/g, '\n').length) throw new OttlError('trailing bytes after parsing xml')
  let element = root.first
  while (element !== null && element.kind !== 'element') element = element.next
  return elementMap(element as XmlNode, 1)
}

function elementMap(element: XmlNode, depth: number): KeyValueList {
  checkDepth(depth)
  const entries: Attributes = [{ key: 'tag', value: element.name }]
  let content = ''
  const children: AnyValue[] = []
  for (let child = element.first; child !== null; child = child.next) {
    if (child.kind === 'element') children.push(elementMap(child, depth + 2))
    else if (child.kind === 'text' || child.kind === 'cdata') content += child.data.trim()
  }
  if (content !== '') entries.push({ key: 'content', value: content })
  if (element.attributeList.length > 0) {
    const attributes: Attributes = []
    const seen = new AttributeIndex(attributes)
    for (const { name, data } of element.attributeList) seen.set(name, data)
    entries.push({ key: 'attributes', value: new KeyValueList(attributes) })
  }
  if (children.length > 0) entries.push({ key: 'children', value: children })
  return new KeyValueList(entries)
}

function simplifiedXml(text: string): KeyValueList {
  return new KeyValueList(simplified(documentOf(text), 1))
}

/** The child elements: by their names, lists where a name comes several times; what is empty is left out. */
function simplified(parent: XmlNode, depth: number): Attributes {
  checkDepth(depth)
  const counts = new Map<string, number>()
  for (let child = parent.first; child !== null; child = child.next) {
    if (child.kind === 'element') counts.set(child.name, (counts.get(child.name) ?? 0) + 1)
  }
  const entries: Attributes = []
  if (counts.size === 0) return entries
  const seen = new AttributeIndex(entries)
  for (let child = parent.first; child !== null; child = child.next) {
    if (child.kind !== 'element' || child.first === null) continue
    const isOneOfMany = (counts.get(child.name) ?? 0) > 1
    let many: AnyValue | undefined
    if (isOneOfMany) {
      many = seen.get(child.name)
      if (many === undefined) seen.set(child.name, (many = []))
    }
    const value = simplifiedValue(child, depth + (isOneOfMany ? 2 : 1))
    if (value === undefined) continue
    if (Array.isArray(many)) many.push(value)
    else seen.set(child.name, value)
  }
  return entries
}

/** The first text of an element without elements, else its elements; undefined where there is neither. */
function simplifiedValue(element: XmlNode, depth: number): AnyValue | undefined {
  let text = ''
  let hasElements = false
  for (let child = element.last; child !== null; child = child.previous) {
    if (child.kind === 'element') hasElements = true
    else if (child.kind === 'text' || child.kind === 'cdata') text = child.data
  }
  if (!hasElements && text !== '') return text
  const entries = simplified(element, depth)
  return entries.length === 0 ? undefined : new KeyValueList(entries)
}

export const xmlConverters: readonly FunctionDefinition[] = [
  convertAttributes,
  convertText,
  getXml,
  insertXml,
  toMap('ParseSimplifiedXML', simplifiedXml),
  toMap('ParseXML', parsedXml),
  removeXml,
]
