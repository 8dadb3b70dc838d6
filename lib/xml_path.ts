// XPath 1.0 over the trees of xml.ts.
import { createRequire } from 'node:module'
import type { XmlNode } from './xml.ts'

/** An expression that cannot be read. */
export class XPathError extends Error {
  override readonly name = 'XPathError'
}

/** Gives the nodes that an expression selects from a document, in the document's order; none where it gives a text or number. */
export type XPathSelect = (root: XmlNode) => XmlNode[]

/** Reads expressions. Throws `XPathError`. */
export type XPathCompile = (expression: string) => XPathSelect

/** What is used of the library. Its own types would bring a browser's DOM into the whole program. */
interface Library {
  parse(expression: string): { evaluate(options: object): { toArray?: () => XmlNode[] } }
}

/** Loads the XPath library. */
export function loadXPath(): Promise<XPathCompile> {
  const { parse } = createRequire(import.meta.url)('xpath') as Library
  const compile: XPathCompile = (expression) => {
    const read = guarded(() => parse(expression))
    return (root) =>
      guarded(() => {
        // A prefix stands for itself, see XmlNode: names are compared as they are written.
        const result = read.evaluate({ node: root, namespaces: (prefix: string) => prefix })
        return result.toArray?.() ?? []
      })
  }
  return Promise.resolve(compile)
}

/** The library throws errors of its own kinds. */
function guarded<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw error instanceof XPathError ? error : new XPathError(error instanceof Error ? error.message : String(error))
  }
}
