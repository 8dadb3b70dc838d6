// `local.file`: the content of a file, kept current.
import {
  attr,
  bool,
  type ComponentDefinition,
  defineSettings,
  duration,
  oneOf,
  type SettingsOf,
  string,
} from '#component'
import { LocalFile } from './watched_file.ts'

const settings = defineSettings(
  {
    filename: attr(string, 'The file.', { required: true }),
    detector: attr(oneOf('fsnotify', 'poll'), 'How changes are found: told by the system, or by looking only.', {
      default: 'fsnotify',
    }),
    poll_frequency: attr(duration, 'How often to look for changes.', { default: '1m' }),
    is_secret: attr(bool, 'The content is a secret.', { default: false }),
  },
  {
    check: (s, report) => {
      if (s.poll_frequency <= 0) report('poll_frequency must be greater than 0', ['poll_frequency'])
    },
  },
)
export type LocalFileSettings = SettingsOf<typeof settings>

export const localFile: ComponentDefinition<LocalFileSettings> = {
  name: 'local.file',
  stability: 'generally-available',
  doc: 'Exports the content of a file, and its new content when it changes.',
  exports: { content: { type: 'optional_secret', doc: 'The content: a secret where `is_secret` is set.' } },
  settings,
  create: (host, decoded) => new LocalFile(host, decoded),
}
