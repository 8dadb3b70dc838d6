// `loki.secretfilter`: replaces secrets in lines.
import {
  attr,
  bool,
  type ComponentDefinition,
  defineSettings,
  duration,
  float,
  list,
  logsReceiver,
  type SettingsOf,
  string,
  uint,
} from '#component'
import { makeLokiSecretFilter } from './filter.ts'

const settings = defineSettings(
  {
    forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
    gitleaks_config: attr(
      string,
      'Path of a rule set in gitleaks’s format. "": the built-in rules, which know the tokens of well-known services ' +
        'by their fixed beginnings, private keys and JSON web tokens; they are fewer than gitleaks’s own default rules.',
      { default: '' },
    ),
    redact_with: attr(
      string,
      'What stands in place of a secret; `$SECRET_NAME` is the rule, `$SECRET_HASH` a SHA-1 sum of the secret.',
      { default: '' },
    ),
    redact_percent: attr(uint, 'Without `redact_with`: how much of the end of a secret is taken away.', {
      default: 80,
    }),
    origin_label: attr(string, 'The label whose value is told with the counts of secrets.', { default: '' }),
    origin_limit: attr(uint, 'Values of that label that are told apart; further ones count as `other`. Not in Alloy.', {
      default: 1000,
    }),
    rate: attr(float, 'The share of lines that are looked at, from 0 to 1.', { default: 1 }),
    processing_timeout: attr(duration, 'The longest that a line is looked at; 0: no limit.', { default: '0s' }),
    drop_on_timeout: attr(bool, 'Drop lines that take longer; else they go on with what was found by then replaced.', {
      default: false,
    }),
    label_timed_out: attr(bool, 'Put the label `secretfilter="timed-out"` on lines that took longer.', {
      default: false,
    }),
  },
  {
    check({ rate }, report) {
      if (!(rate >= 0 && rate <= 1)) {
        report(`secretfilter: sampling rate must be between 0.0 and 1.0, received ${rate}`, ['rate'])
      }
    },
  },
)
export type LokiSecretFilterSettings = SettingsOf<typeof settings>

export const lokiSecretFilter: ComponentDefinition<LokiSecretFilterSettings> = {
  name: 'loki.secretfilter',
  stability: 'public-preview',
  doc: 'Replaces secrets in lines on their way, found by rules of gitleaks’s kind.',
  consumes: ['logs'],
  input: 'loki',
  settings,
  create: makeLokiSecretFilter,
}
