// Types of snappyjs, which ships none: the judge of our snappy in tests and benchmarks.
declare module 'snappyjs' {
  const snappyjs: {
    compress(source: Uint8Array): Uint8Array
    /** Throws when the block is corrupt or longer than `maxLength`. */
    uncompress(block: Uint8Array, maxLength?: number): Uint8Array
  }
  export default snappyjs
}
