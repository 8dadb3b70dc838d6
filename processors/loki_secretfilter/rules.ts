// The built-in rules: tokens that their makers gave a fixed beginning so that they can be found, and private keys.
import type { RuleDefinition } from './gitleaks.ts'

const notInWord = '\\b'

/** `prefix` and what follows it, as the service's documentation has it. The prefix is what lines are looked through for. */
function token(id: string, prefix: string, rest: string): RuleDefinition {
  return { id, regex: `${notInWord}${prefix.replace(/[.$]/g, '\\$&')}${rest}`, keywords: [prefix] }
}

export const builtInRules: readonly RuleDefinition[] = [
  { id: 'age-secret-key', regex: 'AGE-SECRET-KEY-1[0-9A-Z]{58}', keywords: ['AGE-SECRET-KEY-1'] },
  token('anthropic-api-key', 'sk-ant-', '[a-zA-Z0-9_-]{32,}'),
  {
    id: 'aws-access-key-id',
    regex: '\\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b',
    keywords: ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
  },
  { id: 'azure-storage-key', regex: 'AccountKey=([A-Za-z0-9+/]{86}==)', keywords: ['AccountKey='] },
  token('databricks-token', 'dapi', '[a-f0-9]{32}(?:-\\d)?\\b'),
  token('digitalocean-token', 'do', '[opr]_v1_[a-f0-9]{64}\\b'),
  token('docker-hub-token', 'dckr_pat_', '[a-zA-Z0-9_-]{27}'),
  { id: 'github-token', regex: '\\bgh[pousr]_[A-Za-z0-9]{36,}', keywords: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'] },
  token('github-fine-grained-token', 'github_pat_', '[A-Za-z0-9_]{82}'),
  { id: 'gitlab-token', regex: '\\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}', keywords: ['gl'] },
  token('google-api-key', 'AIza', '[A-Za-z0-9_-]{35}'),
  token('google-oauth-token', 'ya29.', '[A-Za-z0-9_-]{20,}'),
  token('grafana-cloud-token', 'glc_', '[A-Za-z0-9+/]{32,}={0,3}'),
  token('grafana-service-account-token', 'glsa_', '[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}'),
  token('hashicorp-vault-token', 'hvs.', '[A-Za-z0-9_-]{24,}'),
  token('heroku-api-key', 'HRKU-', '[A-Za-z0-9_-]{36,}'),
  token('hugging-face-token', 'hf_', '[A-Za-z]{34}\\b'),
  {
    id: 'json-web-token',
    regex: '\\bey[A-Za-z0-9_-]{17,}\\.ey[A-Za-z0-9_-]{17,}\\.[A-Za-z0-9_-]{10,}={0,2}',
    keywords: ['ey'],
  },
  token('linear-api-key', 'lin_api_', '[A-Za-z0-9]{40}'),
  token('npm-token', 'npm_', '[A-Za-z0-9]{36}'),
  token('openai-api-key', 'sk-', '(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9_-]{20,}'),
  {
    id: 'private-key',
    regex:
      '-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\\s\\S]{32,}?(?:-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)',
    keywords: ['PRIVATE KEY'],
  },
  token('pypi-token', 'pypi-', 'AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}'),
  token('sendgrid-api-key', 'SG.', '[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}'),
  token('shopify-token', 'shp', '(?:at|ca|pa|ss)_[a-fA-F0-9]{32}'),
  token('slack-token', 'xox', '[abeoprs]-[A-Za-z0-9-]{10,}'),
  token('slack-app-token', 'xapp-', '\\d-[A-Z0-9]+-\\d+-[a-z0-9]+'),
  {
    id: 'slack-webhook',
    regex: 'https://hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,}',
    keywords: ['hooks.slack.com'],
  },
  { id: 'stripe-key', regex: '\\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}', keywords: ['sk_', 'rk_'] },
  { id: 'telegram-bot-token', regex: '\\b\\d{8,10}:AA[A-Za-z0-9_-]{33}\\b', keywords: [':AA'] },
  { id: 'twilio-api-key', regex: '\\bSK[0-9a-f]{32}\\b', keywords: ['SK'] },
  {
    id: 'url-password',
    regex: '\\b[a-z][a-z0-9+.-]*://[^\\s:/?#@]*:([^\\s/?#@]{3,})@[^\\s/?#]',
    keywords: ['://'],
  },
]
