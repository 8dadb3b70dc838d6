// The error of bytes or JSON that are not OTLP.

/** `offset`: bytes from the beginning of a protobuf request; -1 for JSON, whose message names the path. */
export class OtlpError extends Error {
  override readonly name = 'OtlpError'
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}
