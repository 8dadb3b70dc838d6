// Bytes for tests that only other programs make.

/** `hello\r\nworld\nend`, compressed by the program bzip2. */
export const bz2Hello: Buffer = Buffer.from(
  'QlpoOTFBWSZTWXJRJ18AAAPBgAASBkWQgCAAMQAwKYPREyhIGyI1nC7kinChIOSiTr4=',
  'base64',
)
