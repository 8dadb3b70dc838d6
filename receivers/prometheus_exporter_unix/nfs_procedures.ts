// The statistics of the NFS client and server in /proc/net/rpc: lines of numbers, and the names of the procedures.
import { isMissing, NoDataError } from './collector.ts'
import type { HostFiles } from './files.ts'
import { fieldsOf, linesOf, numberOf } from './lines.ts'

/** By number (RFC 1094). */
export const version2 = words(
  'Null GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink MkDir RmDir ReadDir FsStat',
)

/** By number (RFC 1813). */
export const version3 = words(
  'Null GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir Rename Link ReadDir ' +
    'ReadDirPlus FsStat FsInfo PathConf Commit',
)

/** In the order of the client's table (include/linux/nfs4.h of the kernel, `NFSPROC4_CLNT_*`). */
export const version4Client = words(
  'Null Read Write Commit Open OpenConfirm OpenNoattr OpenDowngrade Close Setattr FsInfo Renew SetClientID ' +
    'SetClientIDConfirm Lock Lockt Locku Access Getattr Lookup LookupRoot Remove Rename Link Symlink Create Pathconf ' +
    'StatFs ReadLink ReadDir ServerCaps DelegReturn GetACL SetACL FsLocations ReleaseLockowner Secinfo FsidPresent ' +
    'ExchangeID CreateSession DestroySession Sequence GetLeaseTime ReclaimComplete GetDeviceInfo LayoutGet LayoutCommit ' +
    'LayoutReturn SecinfoNoName TestStateID FreeStateID GetDeviceList BindConnToSession DestroyClientID Seek Allocate ' +
    'DeAllocate LayoutStats Clone',
)

/** By number (RFC 7530), from 3; '' for those that nobody shows. */
export const version4Operations = words(
  'Access Close Commit Create DelegPurge DelegReturn GetAttr GetFH Link Lock Lockt Locku Lookup LookupRoot Nverify Open ' +
    'OpenAttr OpenConfirm OpenDgrd PutFH - - Read ReadDir ReadLink Remove Rename Renew RestoreFH SaveFH SecInfo SetAttr ' +
    'SetClientID SetClientIDConfirm Verify Write RelLockOwner',
).map((name) => (name === '-' ? '' : name))

function words(text: string): readonly string[] {
  return text.split(' ')
}

/** The numbers of each line of net/rpc/`name` by the line's first word. Throws `NoDataError` where NFS is not in use. */
export function readRpcStatistics(files: HostFiles, name: string): Map<string, number[]> {
  const what = `net/rpc/${name}`
  let text: string
  try {
    text = files.readLatin1(files.proc(what))
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
  const lines = new Map<string, number[]>()
  for (const line of linesOf(text)) {
    const [word = '', ...values] = fieldsOf(line)
    lines.set(
      word,
      values.map((value) => numberOf(value, what)),
    )
  }
  return lines
}
