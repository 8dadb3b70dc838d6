// The Homebrew formula: where the executables of a release are, and what they have to be.

export interface Release {
  /** Where releases are: its files stand under `BASE/vVERSION/`, as for install.sh. */
  readonly baseUrl: string
  readonly version: string
  /** SHA-256 of its files, in hexadecimal, by their name. */
  readonly checksums: ReadonlyMap<string, string>
}

/** What Homebrew calls the processors of the platforms it can install for, which are those of Linux. */
const homebrewProcessors: Readonly<Record<string, string>> = { 'linux-x64': 'intel', 'linux-arm64': 'arm' }

/** A text of Ruby, without interpolation. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\#]/g, String.raw`\$&`)}"`
}

/** Ruby. Throws where the base is no http(s) URL, or a checksum is missing; `executables`: names of files by platform. */
export function formula(release: Release, executables: ReadonlyMap<string, string>): string {
  const { protocol } = new URL(release.baseUrl)
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new Error(`Cannot write a formula: releases are at an http or https URL: current value is ${release.baseUrl}`)
  }
  const source = (file: string, indent: string, options = ''): string => {
    const checksum = release.checksums.get(file)
    if (checksum === undefined) throw new Error(`Cannot write a formula: there is no checksum of ${file}`)
    const url = `${release.baseUrl.replace(/\/+$/, '')}/v${release.version}/${file}`
    return `${indent}url ${quoted(url)}${options}\n${indent}sha256 ${quoted(checksum)}\n`
  }
  const blocks = Object.entries(homebrewProcessors).flatMap(([platform, processor]) => {
    const file = executables.get(platform)
    if (file === undefined) return []
    return `    on_${processor} do\n${source(file, '      ', ', using: :nounzip')}    end\n`
  })
  if (blocks.length === 0) throw new Error('Cannot write a formula: there is no executable for Linux')
  return `class Solder < Formula
  desc "Collects metrics, logs and traces, and sends them on"
  homepage ${quoted(release.baseUrl)}
  version ${quoted(release.version)}
  license "Apache-2.0"

  depends_on :linux

  on_linux do
${blocks.join('')}  end

  resource "configuration" do
${source('config.alloy', '    ', ', using: :nounzip')}  end

  def install
    bin.install Dir["solder-*"].first => "solder"
    generate_completions_from_executable(bin/"solder", "completion")
    resource("configuration").stage { (etc/"solder").install "config.alloy" }
    (var/"lib/solder").mkpath
  end

  service do
    run [opt_bin/"solder", "run", "--storage.path=#{var}/lib/solder/data", etc/"solder/config.alloy"]
    keep_alive true
    working_dir var/"lib/solder"
    log_path var/"log/solder.log"
    error_log_path var/"log/solder.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/solder --version")
    (testpath/"config.alloy").write "prometheus.live \\"a\\" { }\\n"
    system bin/"solder", "validate", testpath/"config.alloy"
  end
end
`
}
