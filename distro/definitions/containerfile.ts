// The definition of an OCI image: the executable, what it is linked with, certificates and users, and nothing else.

/** What OCI calls the processors, by our platforms. */
const ociProcessors: Readonly<Record<string, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' }

/** Of the user in the image, so that who mounts a volume knows whose it has to be. */
export const imageUser = 10_001

/** What the build made, all in one folder. */
export interface Built {
  readonly version: string
  /** Names of files, by platform. */
  readonly executables: ReadonlyMap<string, string>
  /** The name of the file with the licences. */
  readonly notices: string
}

/**
 * A Containerfile to be built in the folder with the executables. There is no shell in the image; the libraries are those
 * of BASE, found by its own linker.
 */
export function containerfile({ version, executables, notices }: Built): string {
  const stages = Object.entries(ociProcessors).flatMap(([platform, processor]) => {
    const file = executables.get(platform)
    return file === undefined ? [] : `FROM base AS executable-${processor}\nCOPY ${file} \${root}/usr/bin/solder\n\n`
  })
  if (stages.length === 0) throw new Error('Cannot write a Containerfile: there is no executable for Linux')
  return `# podman build -t solder:${version} -f Containerfile .    (an engine that does not set TARGETARCH: --build-arg TARGETARCH=amd64)
# Debian, or a base that has its apt-get, glibc 2.28 or newer and libstdc++.
ARG BASE=debian:trixie-slim
ARG TARGETARCH

FROM \${BASE} AS base
ENV root=/image
RUN apt-get update && apt-get install -y --no-install-recommends libatomic1 libstdc++6 ca-certificates

${stages.join('')}FROM executable-\${TARGETARCH} AS image
COPY config.alloy \${root}/etc/solder/config.alloy
COPY ${notices} \${root}/usr/share/doc/solder/copyright
RUN set -eu; \\
    chmod 0755 "$root/usr/bin/solder"; \\
    ldd "$root/usr/bin/solder" | grep -o '/[^ ]*' | while read -r library; do \\
      mkdir -p "$root\${library%/*}"; cp -L "$library" "$root$library"; \\
    done; \\
    mkdir -p "$root/etc/ssl/certs" "$root/var/lib/solder" "$root/tmp"; \\
    chmod 1777 "$root/tmp"; \\
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; \\
    echo 'root:x:0:0:root:/root:/sbin/nologin' >"$root/etc/passwd"; \\
    echo 'solder:x:${imageUser}:${imageUser}:solder:/var/lib/solder:/sbin/nologin' >>"$root/etc/passwd"; \\
    printf 'root:x:0:\\nsolder:x:${imageUser}:\\n' >"$root/etc/group"; \\
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

FROM scratch
LABEL org.opencontainers.image.title=solder org.opencontainers.image.version=${version} org.opencontainers.image.licenses=Apache-2.0
COPY --from=image /image /
COPY --from=image --chown=${imageUser}:${imageUser} /image/var/lib/solder /var/lib/solder
USER ${imageUser}:${imageUser}
WORKDIR /var/lib/solder
VOLUME /var/lib/solder
EXPOSE 12345
ENTRYPOINT ["/usr/bin/solder"]
CMD ["run", "--server.http.listen-addr=0.0.0.0:12345", "--storage.path=/var/lib/solder/data", "/etc/solder/config.alloy"]
`
}
