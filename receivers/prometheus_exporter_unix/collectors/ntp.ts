// The state of an NTP server, usually this host's own (RFC 5905).
import { isIP } from 'node:net'
import { SettingsError } from '#component'
import type { MetricSink } from '#component'
import { ntpFault, queryNtp } from '#lib/ntp'
import type { NtpAnswer } from '#lib/ntp'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { UnixSettings } from '../settings.ts'

const stratum = gauge('node_ntp_stratum', 'NTPD stratum.')
const leap = gauge('node_ntp_leap', 'NTPD leap second indicator, 2 bits.')
const rtt = gauge('node_ntp_rtt_seconds', 'RTT to NTPD.')
const offset = gauge('node_ntp_offset_seconds', 'ClockOffset between NTP and local clock.')
const reference = gauge('node_ntp_reference_timestamp_seconds', 'NTPD ReferenceTime, UNIX timestamp.')
const rootDelay = gauge('node_ntp_root_delay_seconds', 'NTPD RootDelay.')
const rootDispersion = gauge('node_ntp_root_dispersion_seconds', 'NTPD RootDispersion.')
const sanity = gauge('node_ntp_sanity', 'NTPD sanity according to RFC5905 heuristics and configured limits.')

const port = 123
const daySeconds = 86_400

type Settings = UnixSettings['ntp']

export const collector: CollectorDefinition = {
  name: 'ntp',
  enabledByDefault: false,
  create(settings, { clock }) {
    const { ntp } = settings
    check(ntp)
    const give = ntpSamples(ntp)
    return {
      name: 'ntp',
      async collect(sink, _files, signal) {
        const { server: host, protocol_version: version, ip_ttl: ttl } = ntp
        give(sink, await queryNtp({ host, port, version, ttl, signal, clock }))
      },
    }
  },
}

function check(settings: Settings): void {
  const { server, protocol_version: version } = settings
  const isLoopback = isIP(server) !== 0 && (server.startsWith('127.') || server === '::1')
  if (!settings.server_is_local && !isLoopback) {
    throw new SettingsError(`only the IP address of a local server will do: current value is ${server}`, [
      'ntp',
      'server',
    ])
  }
  if (version < 2 || version > 4) {
    throw new SettingsError(`2, 3 or 4 needed: current value is ${version}`, ['ntp', 'protocol_version'])
  }
  if (settings.local_offset_tolerance < 0) {
    throw new SettingsError('it must not be negative', ['ntp', 'local_offset_tolerance'])
  }
}

/** Gives an answer's samples. Remembers an announced leap second, since servers drop the announcement at midnight. */
export function ntpSamples(settings: Settings): (sink: MetricSink, answer: NtpAnswer) => void {
  let leapMidnight: number | undefined
  return (sink, answer) => {
    sink.sample(stratum, answer.stratum)
    sink.sample(leap, answer.leap)
    sink.sample(rtt, answer.rtt)
    sink.sample(offset, answer.offset)
    sink.sample(reference, Math.max(0, answer.referenceTime ?? 0))
    sink.sample(rootDelay, answer.rootDelay)
    sink.sample(rootDispersion, answer.rootDispersion)
    if (answer.leap === 1 || answer.leap === 2) leapMidnight = (Math.floor(answer.time / daySeconds) + 1) * daySeconds
    // A day around a leap second, servers may smear it.
    const isSmeared = leapMidnight !== undefined && Math.abs(answer.time - leapMidnight) < daySeconds
    const errorMax = settings.local_offset_tolerance / 1000 + (isSmeared ? 1 : 0)
    const isSane =
      ntpFault(answer) === undefined &&
      answer.rootDistance <= settings.max_distance / 1000 &&
      answer.errorMin <= errorMax
    sink.sample(sanity, isSane ? 1 : 0)
  }
}
