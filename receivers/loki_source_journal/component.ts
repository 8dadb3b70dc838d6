// `loki.source.journal`: follows systemd's journal.
import {
  attr,
  block,
  bool,
  capsule,
  type ComponentDefinition,
  defineSettings,
  duration,
  list,
  logsReceiver,
  map,
  type SettingsOf,
  string,
} from '#component'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceJournal } from './source.ts'

const legacyPosition = defineSettings({
  file: attr(string, 'The positions file of the older agent.', { required: true }),
  name: attr(string, 'The name of the job in it.', { required: true }),
})

const settings = defineSettings(
  {
    forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
    format_as_json: attr(bool, 'The line is the whole entry as JSON instead of its message.', { default: false }),
    max_age: attr(duration, 'Entries that are older when the source starts are not read; 0: all are.', {
      default: '7h',
    }),
    path: attr(string, "The journal's directory; empty: this machine's journal.", { default: '' }),
    matches: attr(string, 'Which entries: `FIELD=value` with spaces between; `+` between alternatives.', {
      default: '',
    }),
    relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the lines' labels, `__journal_*` included."),
    labels: attr(map(string), 'Labels that every line gets.', { default: {} }),
    legacy_position: block(legacyPosition, 'The position of an older agent, taken over at the first start.'),
  },
  {
    check: (s, report) => {
      for (const match of matchesOf(s.matches)) {
        if (match === '+' || /^[A-Z0-9_]{1,64}=/.test(match)) continue
        report(`Cannot match: a match is written FIELD=value: current value is ${JSON.stringify(match)}`, ['matches'])
      }
    },
  },
)
export type LokiSourceJournalSettings = SettingsOf<typeof settings>

export function matchesOf(text: string): string[] {
  return text.split(/\s+/).filter((match) => match !== '')
}

export const lokiSourceJournal: ComponentDefinition<LokiSourceJournalSettings> = {
  name: 'loki.source.journal',
  stability: 'generally-available',
  doc: "Follows systemd's journal, by means of `journalctl`.",
  settings,
  async create(host, decoded) {
    const source = new LokiSourceJournal(host, decoded)
    await source.readLegacy()
    return source
  },
}
