// The library of grok patterns, by the names that Logstash gave them and the collector knows.

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
  SYSLOGPAMSESSION:
    '%{SYSLOGBASE} (%{GREEDYDATA:message})%{WORD:system.auth.pam.module}\\(%{DATA:system.auth.pam.origin}\\): session %{WORD:system.auth.pam.session_state} for user %{USERNAME:user.name}(?: by %{GREEDYDATA})?',
  CRON_ACTION: '[A-Z ]+',
  CRONLOG: '%{SYSLOGBASE} \\(%{USER:user.name}\\) %{CRON_ACTION:system.cron.action} \\(%{DATA:message}\\)',
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

const client = '%{IP:source.address}:%{INT:source.port:int}'
const haproxyEnds =
  '%{NOTSPACE:haproxy.frontend_name} %{NOTSPACE:haproxy.backend_name}/(?:<NOSRV>|%{NOTSPACE:haproxy.server_name})'
const haproxyCounts = `${joined(
  '/',
  '%{INT:haproxy.connections.active:int}',
  '%{INT:haproxy.connections.frontend:int}',
  '%{INT:haproxy.connections.backend:int}',
  '%{INT:haproxy.connections.server:int}',
  '%{INT:haproxy.connections.retries:int}',
)} %{INT:haproxy.server_queue:int}/%{INT:haproxy.backend_queue:int}`
const logHead = '(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp}) %{IPORHOST:host.name} %{SYSLOGPROG}:'

/** The times of HAProxy's steps, -1 where a step did not come about, and the time of all. */
function haproxyTimes(...steps: readonly string[]): string {
  const times = steps.map((step) => `(?:-1|%{INT:haproxy.${step}_ms:int})`)
  return joined('/', ...times, '%{NOTSPACE:haproxy.total_time_ms}')
}

const webServers = {
  HTTPDUSER: '%{EMAILADDRESS}|%{USER}',
  HTTPDERROR_DATE: '%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}',
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
  HTTPD20_ERRORLOG:
    '\\[%{HTTPDERROR_DATE:timestamp}\\] \\[%{LOGLEVEL:log.level}\\] (?:\\[client %{IPORHOST:source.address}\\] )?%{GREEDYDATA:message}',
  HTTPD24_ERRORLOG: `${[
    '\\[%{HTTPDERROR_DATE:timestamp}\\] \\[(?:%{WORD:apache.error.module})?:%{LOGLEVEL:log.level}\\]',
    ' \\[pid %{POSINT:process.pid:long}(:tid %{INT:process.thread.id:int})?\\]',
    '(?: \\(%{POSINT:apache.error.proxy.error.code}\\)?%{DATA:apache.error.proxy.error.message}:)?',
    '(?: \\[client %{IPORHOST:source.address}(?::%{POSINT:source.port:int})?\\])?',
    '(?: %{DATA:error.code}:)? %{GREEDYDATA:message}',
  ].join('')}`,
  HTTPD_ERRORLOG: '%{HTTPD20_ERRORLOG}|%{HTTPD24_ERRORLOG}',
  COMMONAPACHELOG: '%{HTTPD_COMMONLOG}',
  COMBINEDAPACHELOG: '%{HTTPD_COMBINEDLOG}',
  SQUID3_STATUS: '(?:%{POSINT:http.response.status_code:int}|0|000)',
  SQUID3: joined(
    '\\s',
    '%{NUMBER:timestamp}\\s*',
    '%{NUMBER:squid.request.duration:int}',
    '%{IP:source.address}',
    '%{WORD:event.action}/%{SQUID3_STATUS}',
    '%{INT:http.response.bytes:long}',
    '%{WORD:http.request.method}',
    '%{NOTSPACE:url.original}',
    orDash('NOTSPACE:user.name'),
    `%{WORD:squid.hierarchy_code}/${orDash('IPORHOST:destination.address')}`,
    orDash('NOTSPACE:http.response.mime_type'),
  ),
  HAPROXYTIME: '\\b%{HOUR}:%{MINUTE}(:%{SECOND})?\\b',
  HAPROXYDATE: '%{MONTHDAY}/%{MONTH}/%{YEAR}:%{HAPROXYTIME}.%{INT}',
  HAPROXYCAPTUREDREQUESTHEADERS: orDash('DATA:haproxy.http.request.captured_headers'),
  HAPROXYCAPTUREDRESPONSEHEADERS: orDash('DATA:haproxy.http.response.captured_headers'),
  HAPROXYURI:
    '(?:%{URIPROTO:url.scheme}://)?(?:%{USER:url.username}(?::[^@]*)?@)?(?:%{IPORHOST:url.domain}(?::%{POSINT:url.port:int})?)?(?:%{URIPATH:url.path}(?:\\?%{URIQUERY:url.query})?)?',
  HAPROXYHTTPREQUESTLINE:
    '(?:<BADREQ>|(?:%{WORD:http.request.method} %{HAPROXYURI:url.original}(?: HTTP/%{NUMBER:http.version})?))',
  HAPROXYHTTPBASE: `${joined(
    ' ',
    client,
    '\\[%{HAPROXYDATE:haproxy.request_date}\\]',
    haproxyEnds,
    haproxyTimes(
      'http.request.time_wait',
      'total_waiting_time',
      'connection_wait_time',
      'http.request.time_wait_without_data',
    ),
    '%{INT:http.response.status_code:int}',
    '%{INT:source.bytes:long}',
    orDash('DATA:haproxy.http.request.captured_cookie'),
    orDash('DATA:haproxy.http.response.captured_cookie'),
    '%{NOTSPACE:haproxy.termination_state}',
    haproxyCounts,
  )}(?: \\{%{HAPROXYCAPTUREDREQUESTHEADERS}\\}(?: \\{%{HAPROXYCAPTUREDRESPONSEHEADERS}\\})?)?(?: "%{HAPROXYHTTPREQUESTLINE}"?)?`,
  HAPROXYHTTP: `${logHead} %{HAPROXYHTTPBASE}`,
  HAPROXYTCP: joined(
    ' ',
    logHead,
    client,
    '\\[%{HAPROXYDATE:haproxy.request_date}\\]',
    haproxyEnds,
    haproxyTimes('total_waiting_time', 'connection_wait_time'),
    '%{INT:source.bytes:long}',
    '%{NOTSPACE:haproxy.termination_state}',
    haproxyCounts,
  ),
} as const

const languages = {
  JAVACLASS: '(?:[a-zA-Z$_][\\w$]*\\.)*[a-zA-Z$_][\\w$]*',
  JAVAFILE: '[\\w$. -]+',
  JAVAMETHOD: '(?:(<(?:cl)?init>)|[a-zA-Z$_][\\w$]*)',
  JAVASTACKTRACEPART:
    '%{SPACE}at %{JAVACLASS:java.log.origin.class.name}\\.%{JAVAMETHOD:log.origin.function}\\(%{JAVAFILE:log.origin.file.name}(?::%{INT:log.origin.file.line:int})?\\)',
  JAVATHREAD: '[A-Z]{2}-Processor\\d+',
  JAVALOGMESSAGE: '.*',
  CATALINA7_DATESTAMP: '%{MONTH} %{MONTHDAY}, %{YEAR} %{HOUR}:%{MINUTE}:%{SECOND} (?:AM|PM)',
  CATALINA7_LOG:
    '%{CATALINA7_DATESTAMP:timestamp} %{JAVACLASS:java.log.origin.class.name}(?: %{JAVAMETHOD:log.origin.function})?\\s*(?:%{LOGLEVEL:log.level}:)? %{JAVALOGMESSAGE:message}',
  CATALINA8_DATESTAMP: '%{MONTHDAY}-%{MONTH}-%{YEAR} %{HOUR}:%{MINUTE}:%{SECOND}',
  CATALINA8_LOG:
    '%{CATALINA8_DATESTAMP:timestamp} %{LOGLEVEL:log.level} \\[%{DATA:java.log.origin.thread.name}\\] %{JAVACLASS:java.log.origin.class.name}\\.(?:%{JAVAMETHOD:log.origin.function})? %{JAVALOGMESSAGE:message}',
  CATALINA_DATESTAMP: '(?:%{CATALINA8_DATESTAMP})|(?:%{CATALINA7_DATESTAMP})',
  CATALINALOG: '(?:%{CATALINA8_LOG})|(?:%{CATALINA7_LOG})',
  TOMCAT7_LOG: '%{CATALINA7_LOG}',
  TOMCAT8_LOG: '%{CATALINA8_LOG}',
  TOMCATLEGACY_DATESTAMP: '%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{HOUR}:%{MINUTE}:%{SECOND}(?: %{ISO8601_TIMEZONE})?',
  TOMCATLEGACY_LOG:
    '%{TOMCATLEGACY_DATESTAMP:timestamp} \\| %{LOGLEVEL:log.level} \\| %{JAVACLASS:java.log.origin.class.name} - %{JAVALOGMESSAGE:message}',
  TOMCAT_DATESTAMP: '(?:%{CATALINA8_DATESTAMP})|(?:%{CATALINA7_DATESTAMP})|(?:%{TOMCATLEGACY_DATESTAMP})',
  TOMCATLOG: '(?:%{TOMCAT8_LOG})|(?:%{TOMCAT7_LOG})|(?:%{TOMCATLEGACY_LOG})',
  MAVEN_VERSION: '(?:(\\d+)\\.)?(?:(\\d+)\\.)?(\\*|\\d+)(?:[.-](RELEASE|SNAPSHOT))?',
  RUBY_LOGLEVEL: '(?:DEBUG|FATAL|ERROR|WARN|INFO)',
  RUBY_LOGGER:
    '[DFEWI], \\[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:process.pid:int}\\] *%{RUBY_LOGLEVEL:log.level} -- +%{DATA:process.command}: %{GREEDYDATA:message}',
  MCOLLECTIVE: '., \\[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:process.pid:int}\\]%{SPACE}%{LOGLEVEL:log.level}',
  MCOLLECTIVEAUDIT: '%{TIMESTAMP_ISO8601:timestamp}:',
} as const

const databases = {
  POSTGRESQL:
    '%{DATESTAMP:timestamp} %{TZ:event.timezone} %{DATA:user.name} %{GREEDYDATA:postgresql.log.connection_id} %{POSINT:process.pid:int}',
  REDISTIMESTAMP: '%{MONTHDAY} %{MONTH} %{TIME}',
  REDISLOG: '\\[%{POSINT:process.pid:int}\\] %{REDISTIMESTAMP:timestamp} \\*',
  REDISMONLOG:
    '%{NUMBER:timestamp} \\[%{INT:redis.database.id} %{IP:client.address}:%{POSINT:client.port:int}\\] "%{WORD:redis.command.name}"\\s?%{GREEDYDATA:redis.command.args}',
  MONGO_LOG: '%{SYSLOGTIMESTAMP:timestamp} \\[%{WORD:db.mongodb.component}\\] %{GREEDYDATA:message}',
  MONGO_QUERY_CONTENT: '(.*?)',
  MONGO_QUERY: '\\{ %{MONGO_QUERY_CONTENT:MONGO_QUERY} \\} ntoreturn:',
  MONGO_WORDDASH: '\\b[\\w-]+\\b',
  MONGO3_SEVERITY: '\\w',
  MONGO3_COMPONENT: '%{WORD}',
  MONGO3_LOG: `%{TIMESTAMP_ISO8601:timestamp} %{MONGO3_SEVERITY:log.level} ${orDash('MONGO3_COMPONENT:db.mongodb.component')}%{SPACE}(?:\\[%{DATA:db.mongodb.context}\\])? %{GREEDYDATA:message}`,
} as const

/** Definitions by name. They refer to one another. */
export const grokPatterns: ReadonlyMap<string, string> = new Map(
  [everyday, syslog, webServers, languages, databases].flatMap((group) => Object.entries(group)),
)
