// Grok patterns for the logs of single programs: each format is set out here as the program's documentation has it, field
// by field. What patterns are called, and the fields of the Elastic Common Schema that values go to, is as the collector
// has it. No package carries them under these names in a form that this process can load.

// ------------------------------------------------------------------------------------------------ values and lines

const int = (field: string): string => `%{INT:${field}:int}`
const long = (field: string): string => `%{INT:${field}:long}`
const float = (field: string): string => `%{NUMBER:${field}:float}`
const token = (field: string): string => `%{NOTSPACE:${field}}`
const ip = (field: string): string => `%{IP:${field}}`
const rest = (field: string): string => `%{GREEDYDATA:${field}}`

/** Text of characters, as a class tells them: `[^"]`. */
const text = (field: string, characters: string): string => `(?P<${field.replaceAll('.', '___')}>${characters}+)`

const maybe = (part: string): string => `(?:${part})?`
const either = (...parts: readonly string[]): string => `(?:${parts.join('|')})`
/** A value, or what stands there where there is none. */
const unless = (absent: string, value: string): string => either(absent, value)
const dashed = (value: string): string => unless('-', value)
const spaced = (...parts: readonly string[]): string => parts.join(' ')
const tabbed = (...parts: readonly string[]): string => parts.join('\\t')
const peer = (address: string, port: string): string => `${ip(address)}:${int(port)}`
const bracketed = (part: string): string => `\\[${part}\\]`
const quoted = (part: string): string => `"${part}"`

// ------------------------------------------------------------------------------------------------- Java and Tomcat

const identifier = '[\\pL_$][\\pL\\d_$]*'
const javaClass = '%{JAVACLASS:java.log.origin.class.name}'
const javaMethod = '%{JAVAMETHOD:log.origin.function}'
const javaLevel = '%{JAVALOGLEVEL:log.level}'
const clock = '%{HOUR}:%{MINUTE}:%{SECOND}'

/**
 * Tomcat up to 7 (java.util.logging's SimpleFormatter, its two lines often joined), from 8 on (org.apache.juli's
 * OneLineFormatter), and a layout of Log4j that is often met.
 */
const java = {
  JAVACLASS: `${identifier}(?:\\.${identifier})*`,
  JAVAFILE: '[^:()\\s][^:()]*',
  JAVAMETHOD: either('<clinit>', '<init>', identifier),
  JAVASTACKTRACEPART: `\\s*at ${javaClass}\\.${javaMethod}\\(%{JAVAFILE:log.origin.file.name}${maybe(`:${int('log.origin.file.line')}`)}\\)`,
  JAVALOGMESSAGE: '.*',
  // Of java.util.logging, and of other libraries.
  JAVALOGLEVEL: 'SEVERE|WARNING|INFO|CONFIG|FINE(?:R|ST)?|FATAL|ERROR|WARN|DEBUG|TRACE',
  CATALINA7_DATESTAMP: `%{MONTH} %{MONTHDAY}, %{YEAR} ${clock} ${either('AM', 'PM')}`,
  CATALINA7_LOG: `%{CATALINA7_DATESTAMP:timestamp} ${javaClass}${maybe(` ${javaMethod}`)}\\s+${maybe(`${javaLevel}: `)}%{JAVALOGMESSAGE:message}`,
  CATALINA8_DATESTAMP: `%{MONTHDAY}-%{MONTH}-%{YEAR} ${clock}`,
  CATALINA8_LOG: spaced(
    '%{CATALINA8_DATESTAMP:timestamp}',
    javaLevel,
    bracketed(text('java.log.origin.thread.name', '[^\\]]')),
    `${javaClass}\\.${javaMethod}`,
    '%{JAVALOGMESSAGE:message}',
  ),
  CATALINA_DATESTAMP: either('%{CATALINA7_DATESTAMP}', '%{CATALINA8_DATESTAMP}'),
  CATALINALOG: either('%{CATALINA7_LOG}', '%{CATALINA8_LOG}'),
  TOMCAT7_LOG: '%{CATALINA7_LOG}',
  TOMCAT8_LOG: '%{CATALINA8_LOG}',
  TOMCATLEGACY_DATESTAMP: `%{YEAR}-%{MONTHNUM}-%{MONTHDAY} ${clock}${maybe(' %{ISO8601_TIMEZONE}')}`,
  TOMCATLEGACY_LOG: `${['%{TOMCATLEGACY_DATESTAMP:timestamp}', javaLevel, javaClass].join(' \\| ')} - %{JAVALOGMESSAGE:message}`,
  TOMCAT_DATESTAMP: either('%{CATALINA_DATESTAMP}', '%{TOMCATLEGACY_DATESTAMP}'),
  TOMCATLOG: either('%{CATALINALOG}', '%{TOMCATLEGACY_LOG}'),
} as const

// ---------------------------------------------------------------------------------------------------------- HAProxy

/** Of a request that was cut short a time is -1; a `+` says that the log was written before its end. */
const haproxyTimes = (...fields: readonly string[]): string =>
  [...fields.map((field) => unless('-1', int(`haproxy.${field}`))), token('haproxy.total_time_ms')].join('/')
const haproxyCounts = (...fields: readonly string[]): string =>
  fields.map((field) => `\\+?${int(`haproxy.${field}`)}`).join('/')
const haproxyConnections = haproxyCounts(
  ...['active', 'frontend', 'backend', 'server', 'retries'].map((what) => `connections.${what}`),
)
const haproxyQueues = haproxyCounts('server_queue', 'backend_queue')
const haproxySender = spaced(
  either('%{SYSLOGTIMESTAMP:timestamp}', '%{TIMESTAMP_ISO8601:timestamp}'),
  '%{IPORHOST:host.name}',
  '%{SYSLOGPROG}:',
)
const haproxyRoute = spaced(
  peer('source.address', 'source.port'),
  bracketed('%{HAPROXYDATE:haproxy.request_date}'),
  token('haproxy.frontend_name'),
  `${text('haproxy.backend_name', '[^ /]')}/${unless('<NOSRV>', token('haproxy.server_name'))}`,
)
const credentials = `${text('url.username', '[^/:@ ]')}${maybe(':[^/@ ]*')}@`

/** HAProxy's configuration manual, 8.2.2 and 8.2.3. */
const haproxy = {
  HAPROXYTIME: '%{HOUR}:%{MINUTE}:[0-5]\\d',
  HAPROXYDATE: '%{MONTHDAY}/%{MONTH}/%{YEAR}:%{HAPROXYTIME}(?:\\.\\d+)?',
  HAPROXYCAPTUREDREQUESTHEADERS: text('haproxy.http.request.captured_headers', '[^}]'),
  HAPROXYCAPTUREDRESPONSEHEADERS: text('haproxy.http.response.captured_headers', '[^}]'),
  HAPROXYURI: [
    maybe(`%{URIPROTO:url.scheme}://${maybe(credentials)}%{IPORHOST:url.domain}${maybe(`:${int('url.port')}`)}`),
    maybe(text('url.path', '[^ ?"]')),
    maybe(`\\?${text('url.query', '[^ "]')}`),
  ].join(''),
  HAPROXYHTTPREQUESTLINE: unless(
    '<BADREQ>',
    `%{WORD:http.request.method} %{HAPROXYURI:url.original}${maybe(' HTTP/%{NUMBER:http.version}')}`,
  ),
  HAPROXYHTTPBASE: spaced(
    haproxyRoute,
    haproxyTimes(
      'http.request.time_wait_ms',
      'total_waiting_time_ms',
      'connection_wait_time_ms',
      'http.request.time_wait_without_data_ms',
    ),
    `${int('http.response.status_code')} \\+?${long('source.bytes')}`,
    dashed(token('haproxy.http.request.captured_cookie')),
    dashed(token('haproxy.http.response.captured_cookie')),
    token('haproxy.termination_state'),
    haproxyConnections,
    haproxyQueues +
      maybe(` \\{${maybe('%{HAPROXYCAPTUREDREQUESTHEADERS}')}\\}`) +
      maybe(` \\{${maybe('%{HAPROXYCAPTUREDRESPONSEHEADERS}')}\\}`),
    // The end of a long line may be missing.
    '"%{HAPROXYHTTPREQUESTLINE}"?',
  ),
  HAPROXYHTTP: `${haproxySender} %{HAPROXYHTTPBASE}`,
  HAPROXYTCP: spaced(
    haproxySender,
    haproxyRoute,
    haproxyTimes('total_waiting_time_ms', 'connection_wait_time_ms'),
    `\\+?${long('source.bytes')}`,
    token('haproxy.termination_state'),
    haproxyConnections,
    haproxyQueues,
  ),
} as const

// ------------------------------------------------------------------------------------------------ Apache and Squid

const apacheLevel = '%{HTTPDLOGLEVEL:log.level}'

/** The error log of Apache 2.0 and 2.2, and ErrorLogFormat's default from 2.4 on. */
const apache = {
  HTTPDLOGLEVEL: 'emerg|alert|crit|error|warn|notice|info|debug|trace[1-8]',
  HTTPDERROR_DATE: '%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}',
  HTTPD20_ERRORLOG: spaced(
    bracketed('%{HTTPDERROR_DATE:timestamp}'),
    bracketed(apacheLevel),
    maybe('\\[client %{IPORHOST:source.address}\\] ') + rest('message'),
  ),
  HTTPD24_ERRORLOG: [
    `\\[%{HTTPDERROR_DATE:timestamp}\\] \\[${maybe('%{WORD:apache.error.module}')}:${apacheLevel}\\]`,
    ` \\[pid %{INT:process.pid:long}${maybe(`:tid ${int('process.thread.id')}`)}\\]`,
    maybe(` \\(%{INT:apache.error.proxy.error.code}\\)${text('apache.error.proxy.error.message', '[^:]')}:`),
    maybe(
      ` \\[client ${either('%{IP:source.address}', '%{HOSTNAME:source.address}')}${maybe(`:${int('source.port')}`)}\\]`,
    ),
    maybe(` ${text('error.code', 'AH\\d')}:`),
    ` ${rest('message')}`,
  ].join(''),
  HTTPD_ERRORLOG: either('%{HTTPD24_ERRORLOG}', '%{HTTPD20_ERRORLOG}'),
} as const

/** Squid's native access.log (wiki, Features/LogFormat). */
const squid = {
  SQUID3_STATUS: unless('0+', int('http.response.status_code')),
  SQUID3: spaced(
    `%{NUMBER:timestamp} +${int('squid.request.duration')}`,
    ip('source.address'),
    '%{WORD:event.action}/%{SQUID3_STATUS}',
    long('http.response.bytes'),
    '%{WORD:http.request.method}',
    token('url.original'),
    dashed(token('user.name')),
    `%{WORD:squid.hierarchy_code}/${dashed('%{IPORHOST:destination.address}')}`,
    dashed(token('http.response.mime_type')),
  ),
} as const

// ----------------------------------------------------------------------------------------- databases, Ruby, BIND

/** Redis's log of version 2 (`[pid] time *`) and later (`pid:role time *`), and what MONITOR shows. */
const redis = {
  REDISTIMESTAMP: `%{MONTHDAY} %{MONTH} ${maybe('%{YEAR} ')}%{TIME}`,
  REDISLOG: `${either(bracketed(int('process.pid')), `${int('process.pid')}:[XCSM]`)} %{REDISTIMESTAMP:timestamp} [.*#-]`,
  REDISMONLOG: `%{NUMBER:timestamp} \\[%{INT:redis.database.id} ${either('lua', 'unix:\\S+', peer('client.address', 'client.port'))}\\] ${quoted(text('redis.command.name', '[^"]'))}${maybe(` ${rest('redis.command.args')}`)}`,
} as const

/** PostgreSQL with log_line_prefix = '%t %u %c %p'; MongoDB 3.0 to 4.2. */
const databases = {
  POSTGRESQL: spaced(
    '%{DATESTAMP:timestamp}',
    '%{TZ:event.timezone}',
    token('user.name'),
    text('postgresql.log.connection_id', '[^\\n]'),
    int('process.pid'),
  ),
  MONGO3_SEVERITY: '[FEWID][1-5]?',
  MONGO3_COMPONENT: '[A-Z][A-Z0-9_]*|-',
  MONGO3_LOG: `${spaced('%{TIMESTAMP_ISO8601:timestamp}', '%{MONGO3_SEVERITY:log.level}', dashed('%{MONGO3_COMPONENT:db.mongodb.component}'))} +${maybe(`${bracketed(text('db.mongodb.context', '[^\\]]'))} `)}${rest('message')}`,
} as const

/** Logger of Ruby's standard library: `I, [time #pid]  INFO -- program: text`. */
const ruby = {
  RUBY_LOGLEVEL: 'DEBUG|INFO|WARN|ERROR|FATAL|ANY',
  RUBY_LOGGER: `[DIWEFA], \\[%{TIMESTAMP_ISO8601:timestamp} #${int('process.pid')}\\] +%{RUBY_LOGLEVEL:log.level} -- ${maybe(text('process.command', '[^:]'))}: ${rest('message')}`,
} as const

/** BIND 9's category "queries" (Administrator Reference Manual). */
const bind = {
  BIND9_TIMESTAMP: `%{MONTHDAY}-%{MONTH}-%{YEAR} ${clock}`,
  BIND9_DNSTYPE: '[A-Z][A-Z0-9-]*',
  BIND9_CATEGORY: 'queries',
  BIND9_QUERYLOGBASE: spaced(
    `client ${maybe('@0x[0-9a-f]+ ')}${ip('client.address')}#${int('client.port')}`,
    `\\(${text('bind.log.question.name', '[^)]')}\\):${maybe(' view [^:]+:')} query:`,
    token('dns.question.name'),
    text('dns.question.class', '[A-Z]'),
    `%{BIND9_DNSTYPE:dns.question.type}${maybe(` ${text('bind.log.question.flags', '[-+A-Z()0-9]')}`)}`,
    `\\(${ip('server.address')}\\)`,
  ),
  BIND9_QUERYLOG: `%{BIND9_TIMESTAMP:timestamp} %{BIND9_CATEGORY:bing.log.category}: %{LOGLEVEL:log.level}: %{BIND9_QUERYLOGBASE}`,
  BIND9: '%{BIND9_QUERYLOG}',
} as const

// -------------------------------------------------------------------------------------------------------------- AWS

const requestLine = (target: string): string =>
  `%{WORD:http.request.method} ${target}${maybe(' HTTP/%{NUMBER:http.version}')}`
const dashedQuote = (value: string): string => dashed(quoted(dashed(value)))
const userAgent = text('user_agent.original', '[^"]')

/** Amazon S3, server access log format. What came later than the first edition may be missing. */
const s3 = {
  S3_REQUEST_LINE: requestLine(token('url.original')),
  S3_ACCESS_LOG:
    spaced(
      '%{WORD:aws.s3access.bucket_owner}',
      token('aws.s3access.bucket'),
      bracketed('%{HTTPDATE:timestamp}'),
      dashed(ip('client.address')),
      dashed(token('client.user.id')),
      token('aws.s3access.request_id'),
      token('aws.s3access.operation'),
      dashed(token('aws.s3access.key')),
      dashed(quoted(dashed('%{S3_REQUEST_LINE:aws.s3access.request_uri}'))),
      dashed(int('http.response.status_code')),
      dashed(token('aws.s3access.error_code')),
      ...['bytes_sent', 'object_size'].map((name) => dashed(long(`aws.s3access.${name}`))),
      ...['total_time', 'turn_around_time'].map((name) => dashed(int(`aws.s3access.${name}`))),
      dashedQuote(text('http.request.referrer', '[^"]')),
      dashedQuote(userAgent),
      dashed(token('aws.s3access.version_id')),
    ) +
    maybe(
      ` ${spaced(
        ...['aws.s3access.host_id', 'aws.s3access.signature_version', 'tls.cipher'].map((name) => dashed(token(name))),
        ...['authentication_type', 'host_header', 'tls_version'].map((name) => dashed(token(`aws.s3access.${name}`))),
      )}`,
    ),
} as const

/** Access logs of Classic Load Balancers; the last three fields for HTTP and HTTPS listeners only. */
const elb = {
  ELB_URIHOST: `%{IPORHOST:url.domain}${maybe(`:${int('url.port')}`)}`,
  ELB_URIPATHQUERY: `${text('url.path', '[^ ?"]')}${maybe(`\\?${text('url.query', '[^ "]')}`)}`,
  ELB_URIPATHPARAM: '%{ELB_URIPATHQUERY}',
  ELB_URI: `%{URIPROTO:url.scheme}://${maybe(credentials)}${maybe('%{ELB_URIHOST}')}${maybe('%{ELB_URIPATHQUERY}')}`,
  ELB_REQUEST_LINE: requestLine('%{ELB_URI:url.original}'),
  ELB_V1_HTTP_LOG:
    spaced(
      '%{TIMESTAMP_ISO8601:timestamp}',
      token('aws.elb.name'),
      peer('source.address', 'source.port'),
      dashed(peer('aws.elb.backend.ip', 'aws.elb.backend.port')),
      ...['request', 'backend', 'response'].map((part) => unless('-1', float(`aws.elb.${part}_processing_time.sec`))),
      ...['http', 'aws.elb.backend.http'].map((part) => dashed(int(`${part}.response.status_code`))),
      ...['request', 'response'].map((part) => long(`http.${part}.body.size`)),
      quoted(either('- - - ?', '%{ELB_REQUEST_LINE}')),
    ) +
    maybe(
      ` ${spaced(quoted(dashed(userAgent)), ...['tls.cipher', 'aws.elb.ssl_protocol'].map((name) => dashed(token(name))))}`,
    ),
  ELB_ACCESS_LOG: '%{ELB_V1_HTTP_LOG}',
} as const

const edge = (field: string): string => `aws.cloudfront.${field}`
const cell = (field: string): string => dashed(text(field, '[^\\t]'))

/** CloudFront's standard logs, in the order of their documentation: tabs between the fields. */
const cloudfront = {
  CLOUDFRONT_ACCESS_LOG:
    tabbed(
      `(?P<timestamp>%{YEAR}-%{MONTHNUM}-%{MONTHDAY}\\t${clock})`,
      token(edge('x_edge_location')),
      dashed(long('destination.bytes')),
      '%{IPORHOST:source.address}',
      '%{WORD:http.request.method}',
      ...['url.domain', 'url.path'].map(token),
      unless('0+', int('http.response.status_code')),
      ...['http.request.referrer', 'user_agent.original', 'url.query', edge('http.request.cookie')].map(cell),
      ...['x_edge_result_type', 'x_edge_request_id', 'http.request.host'].map((name) => token(edge(name))),
      token('network.protocol.name'),
      dashed(long('source.bytes')),
      float(edge('time_taken')),
      dashed(ip('network.forwarded_ip')),
      ...[edge('ssl_protocol'), 'tls.cipher', edge('x_edge_response_result_type')].map(cell),
    ) +
    maybe(
      `\\t${tabbed(
        dashed('HTTP/%{NUMBER:http.version}'),
        ...['fle_status', 'fle_encrypted_fields'].map((name) => cell(edge(name))),
        int('source.port'),
        float(edge('time_to_first_byte')),
        ...[edge('x_edge_detailed_result_type'), 'http.request.mime_type'].map(cell),
        ...['size', 'range.start', 'range.end'].map((name) => dashed(long(edge(`http.request.${name}`)))),
      )}`,
    ),
} as const

// ------------------------------------------------------------------------------------------------ system, firewalls

/** Linux-PAM's pam_unix and its like; cron; versions as Maven's documentation orders them. */
const system = {
  SYSLOGPAMSESSION: `%{SYSLOGBASE} ${maybe(text('message', '[^(]'))}%{WORD:system.auth.pam.module}\\(${text('system.auth.pam.origin', '[^)]')}\\): session %{WORD:system.auth.pam.session_state} for user %{USERNAME:user.name}`,
  CRON_ACTION: '[A-Z][A-Z ]*',
  CRONLOG: `%{SYSLOGBASE} \\(%{USER:user.name}\\) %{CRON_ACTION:system.cron.action} \\(${text('message', '.')}\\)`,
  MAVEN_VERSION: '\\d+(?:\\.\\d+)+(?:[.-](?:SNAPSHOT|RELEASE))?',
} as const

/** Between Zeek's fields are tabs, a dash stands for what is not set. */
const zeekFlow = [
  '%{NUMBER:timestamp}',
  token('zeek.session_id'),
  ...['source', 'destination'].flatMap((side) => [ip(`${side}.address`), int(`${side}.port`)]),
]
const zeekFlag = (field: string): string => dashed(`(?P<${field.replaceAll('.', '___')}>[TF])`)
/** Sets may be empty, too. */
const zeekSet = (field: string): string => either('-', '\\(empty\\)', text(field, '[^\\t]'))
const dashedInt = (field: string): string => dashed(int(field))
const dashedLong = (field: string): string => dashed(long(field))

/** Zeek (once Bro), logs http, dns, conn and files, in the order of its reference as of 2.x. */
const zeek = {
  BRO_BOOL: '[TF]',
  BRO_DATA: '[^\\t]+',
  BRO_HTTP: tabbed(
    ...zeekFlow,
    int('zeek.http.trans_depth'),
    dashed('%{WORD:http.request.method}'),
    ...['url.domain', 'url.original', 'http.request.referrer', 'user_agent.original'].map(cell),
    ...['request', 'response'].map((part) => dashedLong(`http.${part}.body.size`)),
    dashedInt('http.response.status_code'),
    cell('zeek.http.status_msg'),
    dashedInt('zeek.http.info_code'),
    ...['info_msg', 'filename'].map((name) => cell(`zeek.http.${name}`)),
    zeekSet('zeek.http.tags'),
    ...['url.username', 'url.password', 'zeek.http.proxied', 'zeek.http.orig_fuids', 'http.request.mime_type'].map(
      cell,
    ),
    ...['zeek.http.resp_fuids', 'http.response.mime_type'].map(cell),
  ),
  BRO_DNS: tabbed(
    ...zeekFlow,
    '%{WORD:network.transport}',
    dashedInt('dns.id'),
    cell('dns.question.name'),
    dashedInt('zeek.dns.qclass'),
    cell('zeek.dns.qclass_name'),
    dashedInt('zeek.dns.qtype'),
    cell('dns.question.type'),
    dashedInt('zeek.dns.rcode'),
    cell('dns.response_code'),
    ...['AA', 'TC', 'RD', 'RA'].map((name) => zeekFlag(`zeek.dns.${name}`)),
    dashedInt('zeek.dns.Z'),
    ...['answers', 'TTLs'].map((name) => cell(`zeek.dns.${name}`)),
    zeekFlag('zeek.dns.rejected'),
  ),
  BRO_CONN: tabbed(
    ...zeekFlow,
    '%{WORD:network.transport}',
    cell('network.protocol.name'),
    dashed(float('zeek.connection.duration')),
    ...['orig_bytes', 'resp_bytes'].map((name) => dashedLong(`zeek.connection.${name}`)),
    cell('zeek.connection.state'),
    ...['local_orig', 'local_resp'].map((name) => zeekFlag(`zeek.connection.${name}`)),
    dashedLong('zeek.connection.missed_bytes'),
    cell('zeek.connection.history'),
    ...['source', 'destination'].flatMap((side) => ['packets', 'bytes'].map((name) => dashedLong(`${side}.${name}`))),
    zeekSet('zeek.connection.tunnel_parents'),
  ),
  BRO_FILES: tabbed(
    '%{NUMBER:timestamp}',
    token('zeek.files.fuid'),
    ...['server', 'client'].map((side) => dashed(ip(`${side}.address`))),
    ...['session_ids', 'source'].map((name) => cell(`zeek.files.${name}`)),
    dashedInt('zeek.files.depth'),
    ...['zeek.files.analyzers', 'file.mime_type', 'file.name'].map(cell),
    dashed(float('zeek.files.duration')),
    cell('zeek.files.local_orig'),
    zeekFlag('zeek.files.is_orig'),
    ...['zeek.files.seen_bytes', 'file.size', 'zeek.files.missing_bytes', 'zeek.files.overflow_bytes'].map(dashedLong),
    zeekFlag('zeek.files.timedout'),
    cell('zeek.files.parent_fuid'),
    ...['md5', 'sha1', 'sha256'].map((name) => cell(`file.hash.${name}`)),
    cell('zeek.files.extracted'),
  ),
} as const

/** `KEY=` and its value, which may be missing. */
const pair = (key: string, value: string): string => `${key}=${maybe(value)}`
/** Some of the words, in their order. */
const flags = (...all: readonly string[]): string => {
  const one = `(?:${all.join('|')})\\b`
  return `${one}(?: ${one})*`
}
const hex = (field: string): string => `0x%{BASE16NUM:${field}}`

/** The kernel's LOG target (net/netfilter/nf_log_syslog.c). */
const netfilter = {
  IPTABLES_TCP_FLAGS: flags('CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN'),
  IPTABLES_TCP_PART: `${maybe(`${pair('SEQ', int('iptables.tcp.seq'))} ${pair('ACK', int('iptables.tcp.ack'))} `)}${pair('WINDOW', int('iptables.tcp.window'))} ${pair('RES', hex('iptables.tcp_reserved_bits'))}${maybe(' %{IPTABLES_TCP_FLAGS:iptables.tcp.flags}')}`,
  IPTABLES4_FRAG: flags('CE', 'DF', 'MF'),
  IPTABLES4_PART:
    spaced(
      pair('SRC', '%{IPV4:source.address}'),
      pair('DST', '%{IPV4:destination.address}'),
      pair('LEN', int('iptables.length')),
      pair('TOS', hex('iptables.tos')),
      pair('PREC', hex('iptables.precedence_bits')),
      pair('TTL', int('iptables.ttl')),
      pair('ID', '%{INT:iptables.id}'),
    ) +
    maybe(' %{IPTABLES4_FRAG:iptables.fragment_flags}') +
    maybe(` FRAG:\\s?${int('iptables.fragment_offset')}`),
  IPTABLES6_PART: spaced(
    pair('SRC', '%{IPV6:source.address}'),
    pair('DST', '%{IPV6:destination.address}'),
    pair('LEN', int('iptables.length')),
    pair('TC', either(hex('iptables.tos'), '\\d+')),
    pair('HOPLIMIT', int('iptables.ttl')),
    pair('FLOWLBL', '%{INT:iptables.flow_label}'),
  ),
  IPTABLES: [
    `${pair('IN', token('observer.ingress.interface.name'))} ${pair('OUT', token('observer.egress.interface.name'))} `,
    maybe(`MAC=${maybe('%{COMMONMAC:destination.mac}:%{COMMONMAC:source.mac}')}[0-9a-f:]* `),
    either('%{IPTABLES4_PART}', '%{IPTABLES6_PART}'),
    `.*? ${pair('PROTO', '%{WORD:network.transport}')} ${pair('SPT', int('source.port'))} ${pair('DPT', int('destination.port'))}`,
    maybe(' %{IPTABLES_TCP_PART}'),
  ].join(''),
} as const

/** Definitions by name. They refer to one another and to the everyday ones. */
export const programPatterns: Readonly<Record<string, string>> = {
  ...java,
  ...haproxy,
  ...apache,
  ...squid,
  ...redis,
  ...databases,
  ...ruby,
  ...bind,
  ...s3,
  ...elb,
  ...cloudfront,
  ...system,
  ...netfilter,
  ...zeek,
}
