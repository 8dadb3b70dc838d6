// The collector's `journald`: entries of systemd's journal.
import {
  attr,
  bool,
  defineSettings,
  list,
  map,
  outputPorts,
  type Report,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { checkStanza, stanzaFields, type StanzaSettings } from '#component/stanza'
import { JournaldReceiver } from './receiver.ts'

const unused = 'Accepted, without effect.'
const settings = defineSettings(
  {
    directory: attr(string, 'Read journals in this directory.', { default: '' }),
    files: attr(list(string), 'Read these journals.', { default: [] }),
    start_at: attr(string, 'Where to begin without a position: `beginning` or `end`.', { default: 'end' }),
    units: attr(list(string), 'Only entries of these units.', { default: [] }),
    identifiers: attr(list(string), 'Only entries with these syslog identifiers.', { default: [] }),
    matches: attr(list(map(string)), 'Only entries whose fields are all as in one of these.', { default: [] }),
    priority: attr(string, 'Only entries of this priority or above, or of a range.', { default: 'info' }),
    grep: attr(string, 'Only entries whose message matches.', { default: '' }),
    dmesg: attr(bool, "Only the kernel's.", { default: false }),
    all: attr(bool, 'Has no effect: fields are read whole, whatever is in them.', { default: false }),
    namespace: attr(string, 'The namespace of the journal.', { default: '' }),
    merge: attr(bool, 'Read all journals that there are, of other hosts too.', { default: false }),
    convert_message_bytes: attr(bool, 'Has no effect: messages are text, whatever is in them.', { default: false }),
    root_path: attr(string, 'The directory that journalctl sees as `/`.', { default: '' }),
    journalctl_path: attr(string, 'The program.', { default: 'journalctl' }),
    ...stanzaFields,
    id: attr(string, unused, { default: '' }),
    type: attr(string, unused, { default: '' }),
    output: attr(list(string), unused, { default: [] }),
  },
  { check },
)
export type JournaldSettings = SettingsOf<typeof settings>

const priorities = 'emerg alert crit err warning notice info debug 0 1 2 3 4 5 6 7'.split(' ')

interface Given extends StanzaSettings {
  readonly start_at: string
  readonly matches: readonly ReadonlyMap<string, string>[]
  readonly priority: string
}

function check(s: Given, report: Report): void {
  checkStanza(s, report)
  if (s.start_at !== 'beginning' && s.start_at !== 'end') {
    report(`invalid value ${JSON.stringify(s.start_at)} for start_at: should be beginning or end`, ['start_at'])
  }
  for (const [i, match] of s.matches.entries()) {
    for (const name of match.keys()) {
      if (!/^[_A-Z0-9]+$/.test(name))
        report(`${JSON.stringify(name)} is not a valid field name of the journal`, ['matches', i, name])
    }
  }
  if (s.priority.split('..').some((one) => !priorities.includes(one))) {
    report(
      `priority should be one of ${priorities.join(', ')}, or a range of them, got ${JSON.stringify(s.priority)}`,
      ['priority'],
    )
  }
}

export const journaldReceiver: YamlDefinition<JournaldSettings> = {
  kind: 'receiver',
  types: ['journald'],
  stability: 'experimental',
  doc: "Follows systemd's journal, and works on its entries with operators.",
  signals: ['logs'],
  settings,
  create: (host, s, output) => new JournaldReceiver(host, s, outputPorts(output).logs),
}
