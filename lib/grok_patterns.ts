// The library of grok patterns, by the names that Logstash gave them and the collector knows.
import { programPatterns } from './grok_program_patterns.ts'

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const dotted = `${octet}(?:\\.${octet}){3}`
const group = '[0-9A-Fa-f]{1,4}'

/** Every way to write an IPv6 address: eight groups, or fewer with `::` once, the last two perhaps as an IPv4 address. */
function ipv6(): string {
  const ways: string[] = []
  ways.push(`(?:${group}:){7}(?:${group}|:)`, `(?:${group}:){6}(?::${group}|${dotted}|:)`)
  for (let before = 5; before >= 1; before--) {
    const after = 7 - before
    const mixed = `(?::${group}){0,${after - 2}}:${dotted}`
    ways.push(`(?:${group}:){${before}}(?:(?::${group}){1,${after}}|${mixed}|:)`)
  }
  ways.push(`:(?:(?::${group}){1,7}|(?::${group}){0,5}:${dotted}|:)`)
  return `(?:${ways.join('|')})(?:%.+)?`
}

function words(...forms: readonly string[]): string {
  return `\\b(?:${forms.join('|')})\\b`
}

const everyday = {
  // ------------------------------------------------------------------------------------------------------ texts
  WORD: '\\b\\w+\\b',
  NOTSPACE: '\\S+',
  SPACE: '\\s*',
  DATA: '.*?',
  GREEDYDATA: '.*',
  QUOTEDSTRING: `"([^"\\\\]*(\\\\.[^"\\\\]*)*)"|'([^'\\\\]*(\\\\.[^'\\\\]*)*)'`,
  QS: '%{QUOTEDSTRING}',
  UUID: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}',
  URN: "urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:[0-9A-Za-z()+,.:=@;$_!*'/?#-]+",

  // ---------------------------------------------------------------------------------------------------- numbers
  INT: '[+-]?\\d+',
  BASE10NUM: '[+-]?\\d+(?:\\.\\d+)?|\\.\\d+',
  NUMBER: '(?:%{BASE10NUM})',
  BASE16NUM: '[+-]?(?:0x)?[0-9A-Fa-f]+',
  BASE16FLOAT: '[+-]?(?:0x)?[0-9A-Fa-f]+(?:\\.[0-9A-Fa-f]*)?',
  POSINT: '\\b[1-9]\\d*\\b',
  NONNEGINT: '\\b\\d+\\b',
  BOOL: 'true|false',

  // --------------------------------------------------------------------------------------------------- networks
  IPV6: ipv6(),
  IPV4: '(?:(?:25[0-5]|2[0-4]\\d|[01]?\\d\\d?)\\.){3}(?:25[0-5]|2[0-4]\\d|[01]?\\d\\d?)',
  IP: '(?:%{IPV6}|%{IPV4})',
  HOSTNAME: '\\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*(\\.?|\\b)',
  IPORHOST: '(?:%{IP}|%{HOSTNAME})',
  HOSTPORT: '%{IPORHOST}:%{POSINT}',
  USERNAME: '[\\w.-]+',
  USER: '%{USERNAME}',
  EMAILLOCALPART: '[a-zA-Z][\\w.+-=:]+',
  EMAILADDRESS: '%{EMAILLOCALPART}@%{HOSTNAME}',
  CISCOMAC: '(?:[0-9A-Fa-f]{4}\\.){2}[0-9A-Fa-f]{4}',
  WINDOWSMAC: '(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}',
  COMMONMAC: '(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}',
  MAC: '(?:%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC})',

  // ------------------------------------------------------------------------------------------------ paths and URIs
  UNIXPATH: '(/[\\w%!$@:.,+~-]+)+',
  WINPATH: '[A-Za-z]+:(\\\\[^\\\\?*]+)+',
  PATH: '(?:%{UNIXPATH}|%{WINPATH})',
  TTY: '/dev/(pts|tty([pq])?)(\\w+)?/?\\d+',
  URIPROTO: '[A-Za-z][A-Za-z0-9+.-]+',
  URIHOST: '%{IPORHOST}(?::%{POSINT})?',
  URIPATH: "(/[\\w$.+!*'(){},~:;=@#%&-]+)+",
  URIQUERY: "[\\w$.+!*'|(){},~@#%&/=:;?\\-\\[\\]<>]*",
  URIPARAM: '\\?%{URIQUERY}',
  URIPATHPARAM: '%{URIPATH}(?:\\?%{URIQUERY})?',
  URI: '%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?%{URIHOST}(?:%{URIPATH}(?:\\?%{URIQUERY})?)?',

  // ------------------------------------------------------------------------------------------------ dates and times
  MONTH: words(
    'Jan(?:uary)?',
    'Feb(?:ruary)?',
    'Mar(?:ch)?',
    'Apr(?:il)?',
    'May',
    'June?',
    'July?',
    'Aug(?:ust)?',
    'Sep(?:tember)?',
    'Oct(?:ober)?',
    'Nov(?:ember)?',
    'Dec(?:ember)?',
  ),
  MONTHNUM: '(?:0[1-9]|1[0-2])',
  MONTHDAY: '(?:0[1-9]|[12]\\d|3[01]|[1-9])',
  DAY: words(
    'Mon(?:day)?',
    'Tue(?:sday)?',
    'Wed(?:nesday)?',
    'Thu(?:rsday)?',
    'Fri(?:day)?',
    'Sat(?:urday)?',
    'Sun(?:day)?',
  ),
  YEAR: '(\\d\\d){1,2}',
  HOUR: '(?:2[0-3]|[01]?\\d)',
  MINUTE: '[0-5]\\d',
  // 60 is a leap second.
  SECOND: '(?:[0-5]\\d|60)(?:[:.,]\\d+)?',
  TIME: '%{HOUR}:%{MINUTE}(?::%{SECOND})?',
  DATE_US: '%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}',
  DATE_EU: '%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}',
  DATE: '%{DATE_US}|%{DATE_EU}',
  DATESTAMP: '%{DATE}[- ]%{TIME}',
  ISO8601_TIMEZONE: '(?:Z|[+-]%{HOUR}:?%{MINUTE})',
  ISO8601_SECOND: '%{SECOND}',
  TIMESTAMP_ISO8601: '%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?',
  TZ: '(?:[PMACE][SED]T|UTC)',
  DATESTAMP_RFC822: '%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}',
  DATESTAMP_RFC2822: '%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}',
  DATESTAMP_OTHER: '%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}',
  DATESTAMP_EVENTLOG: '%{YEAR}%{MONTHNUM}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}',
  HTTPDATE: '%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}',

  // ----------------------------------------------------------------------------------------------------- syslog
  SYSLOGTIMESTAMP: '%{MONTH} +%{MONTHDAY} %{TIME}',
  PROG: '[!-Z\\\\^-~]+',
  SYSLOGPROG: '%{PROG}(?:\\[\\d+\\])?',
  SYSLOGHOST: '%{IPORHOST}',
  SYSLOGFACILITY: '<%{NONNEGINT}.%{NONNEGINT}>',
  SYSLOGBASE: '%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:host.name} %{SYSLOGPROG}:',
  LOGLEVEL:
    '(?i)(alert|trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?)',
} as const

/** What a log has a dash for where it has nothing. */
function orDash(reference: string): string {
  return `(?:-|%{${reference}})`
}

function joined(separator: string, ...parts: readonly string[]): string {
  return parts.join(separator)
}

/** System logs, by the old form and RFC 5424. Fields are those of the Elastic Common Schema, here and below. */
const syslog = {
  SYSLOGBASE2:
    '(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp})(?: %{SYSLOGFACILITY})?(?: %{SYSLOGHOST:host.name})?(?: %{SYSLOGPROG}:)?',
  SYSLOGLINE: '%{SYSLOGBASE2} %{GREEDYDATA:message}',
  SYSLOG5424PRINTASCII: '[!-~]+',
  SYSLOG5424PRI: '<%{NONNEGINT:log.syslog.priority:int}>',
  SYSLOG5424SD: '\\[%{DATA}\\]+',
  SYSLOG5424BASE: `${joined(
    ' +',
    '%{SYSLOG5424PRI}%{NONNEGINT:system.syslog.version}',
    orDash('TIMESTAMP_ISO8601:timestamp'),
    orDash('IPORHOST:host.name'),
    orDash('SYSLOG5424PRINTASCII:process.command'),
    orDash('POSINT:process.pid:int'),
    orDash('SYSLOG5424PRINTASCII:event.code'),
    orDash('SYSLOG5424SD:system.syslog.structured_data'),
  )}?`,
  SYSLOG5424LINE: '%{SYSLOG5424BASE} +%{GREEDYDATA:message}',
} as const

/** Access logs in Apache's forms. Those of other programs: see `programPatterns`. */
const webServers = {
  HTTPDUSER: '%{EMAILADDRESS}|%{USER}',
  HTTPD_COMMONLOG: joined(
    ' ',
    '%{IPORHOST:source.address}',
    orDash('HTTPDUSER:apache.access.user.identity'),
    orDash('HTTPDUSER:user.name'),
    '\\[%{HTTPDATE:timestamp}\\]',
    '"(?:%{WORD:http.request.method} %{NOTSPACE:url.original}(?: HTTP/%{NUMBER:http.version})?|%{DATA})"',
    orDash('INT:http.response.status_code:int'),
    orDash('INT:http.response.body.size:long'),
  ),
  HTTPD_COMBINEDLOG: joined(
    ' ',
    '%{HTTPD_COMMONLOG}',
    `"${orDash('DATA:http.request.referrer')}"`,
    `"${orDash('DATA:user_agent.original')}"`,
  ),
  COMMONAPACHELOG: '%{HTTPD_COMMONLOG}',
  COMBINEDAPACHELOG: '%{HTTPD_COMBINEDLOG}',
} as const

/** Definitions by name. They refer to one another. */
export const grokPatterns: ReadonlyMap<string, string> = new Map(
  [everyday, syslog, webServers, programPatterns].flatMap((group) => Object.entries(group)),
)
