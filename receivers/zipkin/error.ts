// What is said of bytes that are no spans of Zipkin's.

export class ZipkinError extends Error {
  override readonly name = 'ZipkinError'
}
