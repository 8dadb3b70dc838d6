#!/bin/sh
# Installs Solder on a Linux host: the executable, a service for systemd and a configuration.
#
#   sh install.sh [--version X.Y.Z] [--base-url URL] [--prefix DIR] [--no-service]
#   sh install.sh --uninstall [--purge]
#
# URL is where releases are: URL/latest holds the newest version, URL/vX.Y.Z/ its files (default: $SOLDER_BASE_URL).
# DIR stands before every path that is written (default: none).
#
# With these variables the configuration sends this host's metrics (and its log files) to Grafana Cloud. The key goes into
# a file of its own that only the service can read:
#   GCLOUD_RW_API_KEY, GCLOUD_HOSTED_METRICS_URL, GCLOUD_HOSTED_METRICS_ID,
#   GCLOUD_HOSTED_LOGS_URL, GCLOUD_HOSTED_LOGS_ID, GCLOUD_SCRAPE_INTERVAL (default 60s)
#
# Run again it installs the newest version and leaves a configuration that somebody changed as it is. Everything is
# fetched and checked before the first file is put in place.
set -eu

base_url=${SOLDER_BASE_URL:-}
version=''
prefix=''
service=yes
action=install
purge=no

fail() {
  echo "Cannot install Solder: $1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=${2:-} && shift ;;
    --base-url) base_url=${2:-} && shift ;;
    --prefix) prefix=${2:-} && shift ;;
    --no-service) service=no ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    -h | --help)
      sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) fail "unknown option: current value is $1" ;;
  esac
  shift
done

binary=$prefix/usr/local/bin/solder
unit=$prefix/etc/systemd/system/solder.service
configuration=$prefix/etc/solder/config.alloy
key_file=$prefix/etc/solder/api_key
options=$prefix/etc/default/solder
state=$prefix/var/lib/solder
mark=$prefix/etc/solder/.installed

# With a prefix nothing is done to the running system.
has_systemd() { [ "$service" = yes ] && [ -z "$prefix" ] && [ -d /run/systemd/system ]; }
is_root() { [ "$(id -u)" -eq 0 ]; }

[ -n "$prefix" ] || is_root || fail 'it has to be run as root, or with --prefix'

if [ "$action" = uninstall ]; then
  if has_systemd; then systemctl disable --now solder 2>/dev/null || true; fi
  rm -f "$binary" "$unit"
  if [ "$purge" = yes ]; then
    rm -rf "$prefix/etc/solder" "$state"
    rm -f "$options"
    if [ -z "$prefix" ] && getent passwd solder >/dev/null; then userdel solder || true; fi
  fi
  if has_systemd; then systemctl daemon-reload || true; fi
  echo "Solder is uninstalled.$([ "$purge" = yes ] || echo " Its configuration and state stay: --purge takes them away.")"
  exit 0
fi

[ "$(uname -s)" = Linux ] || fail "there is no executable for $(uname -s)"
case "$(uname -m)" in
  x86_64 | amd64) platform=linux-x64 ;;
  aarch64 | arm64) platform=linux-arm64 ;;
  *) fail "there is no executable for this processor: current value is $(uname -m)" ;;
esac
[ -n "$base_url" ] || fail 'where releases are is not known: give --base-url or SOLDER_BASE_URL'
base_url=${base_url%/}

if command -v curl >/dev/null 2>&1; then
  fetch() { curl --fail --silent --show-error --location --retry 2 --connect-timeout 20 --max-time 900 --output "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  fetch() { wget --quiet --tries=2 --timeout=60 --output-document="$2" "$1"; }
else
  fail 'neither curl nor wget is installed'
fi

work=$(mktemp -d)
# Files on their way to their places: gone when something fails.
staged=''
clean() {
  rm -rf "$work"
  for file in $staged; do rm -f "$file"; done
}
trap clean EXIT
trap 'exit 1' HUP INT TERM

if [ -z "$version" ]; then
  fetch "$base_url/latest" "$work/latest" || fail "the newest version is not to be had at $base_url/latest"
  version=$(tr -d ' \r\n' <"$work/latest")
fi
case "$version" in
  v*) version=${version#v} ;;
esac
echo "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$' || fail "this is no version: current value is $version"

name=solder-$version-$platform
release=$base_url/v$version
fetch "$release/SHA256SUMS" "$work/SHA256SUMS" || fail "there are no checksums at $release/SHA256SUMS"
wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "$release/SHA256SUMS says nothing of $name"
fetch "$release/$name" "$work/$name" || fail "there is no executable at $release/$name"
found=$(sha256sum "$work/$name" | cut -d ' ' -f 1)
[ "$found" = "$wanted" ] || fail "the checksum of $name should be $wanted: current value is $found"
fetch "$release/solder.service" "$work/solder.service" || fail "there is no unit at $release/solder.service"
fetch "$release/config.alloy" "$work/config.alloy" || fail "there is no configuration at $release/config.alloy"
fetch "$release/default" "$work/default" || fail "there are no options at $release/default"
for file in solder.service config.alloy default; do
  wanted=$(awk -v name="$file" '$2 == name { print $1 }' "$work/SHA256SUMS")
  [ "$(sha256sum "$work/$file" | cut -d ' ' -f 1)" = "$wanted" ] || fail "the checksum of $file is another than $wanted"
done
chmod 0755 "$work/$name"
"$work/$name" --version >/dev/null || fail 'the executable does not run here'

# A text of Alloy's language.
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# What the variables say, as a configuration. The password is read from its file, so the key stands nowhere else.
cloud_configuration() {
  [ -n "${GCLOUD_HOSTED_METRICS_ID:-}" ] || fail 'GCLOUD_HOSTED_METRICS_ID is not set'
  cat <<EOF
local.file "api_key" {
	filename  = "/etc/solder/api_key"
	is_secret = true
}

prometheus.exporter.unix "host" { }

discovery.relabel "host" {
	targets = prometheus.exporter.unix.host.targets

	rule {
		target_label = "instance"
		replacement  = constants.hostname
	}

	rule {
		target_label = "job"
		replacement  = "integrations/node_exporter"
	}
}

prometheus.scrape "host" {
	targets         = discovery.relabel.host.output
	forward_to      = [prometheus.relabel.host.receiver]
	scrape_interval = $(quoted "${GCLOUD_SCRAPE_INTERVAL:-60s}")
}

prometheus.relabel "host" {
	forward_to = [prometheus.remote_write.cloud.receiver]

	rule {
		source_labels = ["__name__"]
		regex         = "node_scrape_collector_.+"
		action        = "drop"
	}
}

prometheus.remote_write "cloud" {
	endpoint {
		url = $(quoted "$GCLOUD_HOSTED_METRICS_URL")

		basic_auth {
			username = $(quoted "$GCLOUD_HOSTED_METRICS_ID")
			password = local.file.api_key.content
		}
	}
}
EOF
  [ -n "${GCLOUD_HOSTED_LOGS_URL:-}" ] || return 0
  [ -n "${GCLOUD_HOSTED_LOGS_ID:-}" ] || fail 'GCLOUD_HOSTED_LOGS_ID is not set'
  cat <<EOF

local.file_match "logs" {
	path_targets = [{"__path__" = "/var/log/{syslog,messages,*.log}", "instance" = constants.hostname, "job" = "integrations/node_exporter"}]
}

loki.source.file "logs" {
	targets    = local.file_match.logs.targets
	forward_to = [loki.write.cloud.receiver]
}

loki.write "cloud" {
	endpoint {
		url = $(quoted "$GCLOUD_HOSTED_LOGS_URL")

		basic_auth {
			username = $(quoted "$GCLOUD_HOSTED_LOGS_ID")
			password = local.file.api_key.content
		}
	}
}
EOF
}

if [ -n "${GCLOUD_RW_API_KEY:-}" ]; then
  [ -n "${GCLOUD_HOSTED_METRICS_URL:-}" ] || fail 'GCLOUD_HOSTED_METRICS_URL is not set'
  cloud_configuration >"$work/config.alloy"
  "$work/$name" fmt "$work/config.alloy" >/dev/null || fail 'the variables make a configuration that is wrong'
fi
sed "s|/usr/bin/solder|/usr/local/bin/solder|g" "$work/solder.service" >"$work/unit"

# From here on files are put in place: each whole, beside its place first, and moved there at the end.
if [ -z "$prefix" ]; then
  getent group solder >/dev/null || groupadd --system solder
  getent passwd solder >/dev/null ||
    useradd --system --gid solder --home-dir /var/lib/solder --no-create-home --shell /usr/sbin/nologin solder
  for group in adm systemd-journal; do
    if getent group "$group" >/dev/null; then usermod --append --groups "$group" solder; fi
  done
fi
mkdir -p "${binary%/*}" "${unit%/*}" "${configuration%/*}" "${options%/*}" "$state"

stage() { # FROM TO MODE
  cp "$1" "$2.new"
  staged="$staged $2.new"
  chmod "$3" "$2.new"
}
moves=''
put() { # FROM TO MODE
  stage "$1" "$2" "$3"
  moves="$moves $2"
}

put "$work/$name" "$binary" 0755
put "$work/unit" "$unit" 0644
[ -e "$options" ] || put "$work/default" "$options" 0644
# A configuration is replaced only where it is still the one that an earlier run wrote.
known=$(cat "$mark" 2>/dev/null || true)
if [ ! -e "$configuration" ] || [ "$(sha256sum "$configuration" | cut -d ' ' -f 1)" = "$known" ]; then
  put "$work/config.alloy" "$configuration" 0640
  sha256sum "$work/config.alloy" | cut -d ' ' -f 1 >"$work/mark"
  put "$work/mark" "$mark" 0640
else
  echo "$configuration was changed and stays as it is."
fi
if [ -n "${GCLOUD_RW_API_KEY:-}" ]; then
  (umask 077 && printf %s "$GCLOUD_RW_API_KEY" >"$work/key")
  put "$work/key" "$key_file" 0600
fi
for file in $moves; do mv "$file.new" "$file"; done
staged=''

if [ -z "$prefix" ]; then
  chown -R root:solder /etc/solder
  chmod 0750 /etc/solder
  # The service reads its key, and nobody else does.
  if [ -e "$key_file" ]; then chown solder:solder "$key_file"; fi
  chown solder:solder "$state"
  chmod 0750 "$state"
fi
if has_systemd; then
  systemctl daemon-reload
  systemctl enable solder >/dev/null 2>&1
  systemctl restart solder
fi
echo "Solder $version is installed: $binary, configuration $configuration."
