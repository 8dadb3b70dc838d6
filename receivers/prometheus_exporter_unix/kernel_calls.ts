// System calls that Node has no functions for, by way of `node:ffi` (Node 26.1; docs/decisions/ffi.md): sockets of other
// families than Node's, and ioctl.
import { endianness } from 'node:os'
import { NoDataError } from './collector.ts'

/** Calls of libc. Each gives what the C function gives: -1 is a failure. Buffers are used during the call only. */
export interface KernelCalls {
  socket(domain: number, type: number, protocol: number): number
  send(descriptor: number, bytes: Buffer, length: bigint, flags: number): bigint
  recv(descriptor: number, bytes: Buffer, length: bigint, flags: number): bigint
  ioctl(descriptor: number, request: bigint, argument: Buffer): number
  close(descriptor: number): number
  /** Writes the name of the network device with that number, at most 16 bytes with the 0 at the end; 0n: no such device. */
  if_indextoname(index: number, name: Buffer): bigint
  /** Where `bytes` are, for structures that point to others. Keep `bytes` alive while the kernel may look. */
  addressOf(bytes: Buffer): bigint
}

/** Structures are laid out here as 64-bit little-endian systems have them. */
const architectures: ReadonlySet<string> = new Set(['x64', 'arm64', 'riscv64', 'loong64'])

let loaded: Promise<KernelCalls> | undefined

/** The calls, loaded once. Rejects with `NoDataError` where there is no way to make them. */
export function loadKernelCalls(): Promise<KernelCalls> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<KernelCalls> {
  if (!architectures.has(process.arch) || endianness() !== 'LE') {
    throw new NoDataError(`structures of the kernel are not known here: current value is ${process.arch}`)
  }
  try {
    const { dlopen, getRawPointer } = await import('node:ffi')
    const { functions } = dlopen(null, {
      socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
      send: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
      recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
      ioctl: { arguments: ['int32', 'uint64', 'buffer'], return: 'int32' },
      close: { arguments: ['int32'], return: 'int32' },
      if_indextoname: { arguments: ['uint32', 'buffer'], return: 'pointer' },
    })
    return { ...functions, addressOf: (bytes) => getRawPointer(bytes) }
  } catch (error) {
    throw new NoDataError(
      `there is no way to make system calls: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** The name of a network device by its number; '' when there is none. */
export function deviceName(calls: KernelCalls, index: number): string {
  const name = Buffer.alloc(16)
  if (calls.if_indextoname(index, name) === 0n) return ''
  return name.toString('latin1', 0, name.indexOf(0))
}
