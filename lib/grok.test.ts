import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGrok, GrokError } from './grok.ts'
import { grokPatterns } from './grok_patterns.ts'
import { RegexpError } from './regexp.ts'

const none: ReadonlyMap<string, string> = new Map()

function read(pattern: string, text: string, namedOnly = true, definitions = none): object {
  return Object.fromEntries(compileGrok(pattern, { namedOnly, definitions }).read(text))
}

test('patterns give named and typed parts', () => {
  const own = new Map([
    ['ORDER', '[A-Z]{2}%{INT:order.number:int}'],
    ['WORD', '\\d+'],
  ])
  const cases = [
    { got: read('%{IP:client.ip} %{WORD:method}', '::1 GET'), want: { 'client.ip': '::1', method: 'GET' } },
    {
      got: read('%{NUMBER:n:double} %{INT:i:long} %{BOOL:b:boolean}', '1.5 -7 true'),
      want: { n: 1.5, i: -7n, b: true },
    },
    { got: read('%{WORD:w} %{WORD}', 'a b', false), want: { w: 'a', WORD: 'b' } },
    { got: read('%{ORDER:order}', 'x AB12', true, own), want: { order: 'AB12', 'order.number': 12n } },
    { got: read('%{WORD:w}', 'ab12', true, own), want: { w: '12' } },
    { got: read('(?P<first>a)?(?P<second>b)', 'b'), want: { second: 'b' } },
    { got: read('%{WORD:w} %{WORD:w}', 'a b'), want: { w: 'b' } },
    { got: read('%{INT:n:int}|%{WORD:n}', '7'), want: { n: 7n } },
    { got: read('(?P<a___b>x)', 'x'), want: { 'a.b': 'x' } },
    { got: read('%{WORD:w}', '--'), want: {} },
  ]
  for (const { got, want } of cases) assert.deepEqual(got, want)
})

test('patterns and texts that cannot be are refused', () => {
  const circle = new Map([
    ['A', '%{B}'],
    ['B', '%{A}%{A}'],
  ])
  const cases = [
    { run: () => read('%{NOPE}', ''), why: 'pattern definition "NOPE" unknown: parsing failed' },
    { run: () => read('%{A}', '', true, circle), why: 'the pattern expands to more than 262144 characters' },
    {
      run: () => read('%{A}', '', true, new Map([['A', '%{A}']])),
      why: 'patterns stand in one another more than 100 deep',
    },
    { run: () => read('%{WORD:w:int}', 'x'), why: 'strconv.Atoi: parsing "x": invalid syntax' },
    { run: () => read('%{WORD:w:date}', 'x'), why: 'invalid type for w: type not specified' },
  ]
  for (const { run, why } of cases) assert.throws(run, new GrokError(why))
  assert.throws(() => read('(', ''), RegexpError)
})

test('the library takes whole lines of logs apart', () => {
  const cases = [
    {
      got: read(
        '%{COMBINEDAPACHELOG}',
        '::1 - joe [10/Oct/2000:13:55:36 -0700] "GET /x?y HTTP/1.1" 200 - "-" "curl/8"',
      ),
      want: {
        'source.address': '::1',
        'user.name': 'joe',
        timestamp: '10/Oct/2000:13:55:36 -0700',
        'http.request.method': 'GET',
        'url.original': '/x?y',
        'http.version': '1.1',
        'http.response.status_code': 200n,
        'user_agent.original': 'curl/8',
      },
    },
    {
      got: read('%{SYSLOGLINE}', 'Jan  2 03:04:05 web1 sshd[12]: Accepted key'),
      want: { timestamp: 'Jan  2 03:04:05', 'host.name': 'web1', message: 'Accepted key' },
    },
    {
      got: read(
        '%{HAPROXYHTTP}',
        'Feb  6 12:14:14 lb haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] in~ static/srv1 -1/0/30/69/+109 200 2750 - c=1 SC-- 1/2/3/4/0 5/6 {example.com} {} "GET http://u:p@example.com:8080/x?y=1 HTTP/1.1"',
      ),
      want: {
        timestamp: 'Feb  6 12:14:14',
        'host.name': 'lb',
        'source.address': '10.0.1.2',
        'source.port': 33317n,
        'haproxy.request_date': '06/Feb/2009:12:14:14.655',
        'haproxy.frontend_name': 'in~',
        'haproxy.backend_name': 'static',
        'haproxy.server_name': 'srv1',
        'haproxy.total_waiting_time_ms': 0n,
        'haproxy.connection_wait_time_ms': 30n,
        'haproxy.http.request.time_wait_without_data_ms': 69n,
        'haproxy.total_time_ms': '+109',
        'http.response.status_code': 200n,
        'source.bytes': 2750n,
        'haproxy.http.response.captured_cookie': 'c=1',
        'haproxy.termination_state': 'SC--',
        'haproxy.connections.active': 1n,
        'haproxy.connections.frontend': 2n,
        'haproxy.connections.backend': 3n,
        'haproxy.connections.server': 4n,
        'haproxy.connections.retries': 0n,
        'haproxy.server_queue': 5n,
        'haproxy.backend_queue': 6n,
        'haproxy.http.request.captured_headers': 'example.com',
        'http.request.method': 'GET',
        'url.original': 'http://u:p@example.com:8080/x?y=1',
        'url.scheme': 'http',
        'url.username': 'u',
        'url.domain': 'example.com',
        'url.port': 8080n,
        'url.path': '/x',
        'url.query': 'y=1',
        'http.version': '1.1',
      },
    },
    {
      got: read('%{CATALINALOG}', '09-Jan-2026 20:03:28.269 CONFIG [main] org.apache.Catalina.<init> in 51 ms'),
      want: {
        timestamp: '09-Jan-2026 20:03:28.269',
        'log.level': 'CONFIG',
        'java.log.origin.thread.name': 'main',
        'java.log.origin.class.name': 'org.apache.Catalina',
        'log.origin.function': '<init>',
        message: 'in 51 ms',
      },
    },
    {
      got: read('%{CATALINALOG}', 'Jan 9, 2026 7:13:13 AM org.a.B init WARNING: slow'),
      want: {
        timestamp: 'Jan 9, 2026 7:13:13 AM',
        'log.level': 'WARNING',
        'java.log.origin.class.name': 'org.a.B',
        'log.origin.function': 'init',
        message: 'slow',
      },
    },
    {
      got: read(
        '%{HTTPD_ERRORLOG}',
        '[Mon Aug 31 09:30:48.958285 2020] [proxy:error] [pid 28:tid 14] (70008)Partial results: [client 10.0.0.2:46] AH01075: no answer',
      ),
      want: {
        timestamp: 'Mon Aug 31 09:30:48.958285 2020',
        'apache.error.module': 'proxy',
        'log.level': 'error',
        'process.pid': 28n,
        'process.thread.id': 14n,
        'apache.error.proxy.error.code': '70008',
        'apache.error.proxy.error.message': 'Partial results',
        'source.address': '10.0.0.2',
        'source.port': 46n,
        'error.code': 'AH01075',
        message: 'no answer',
      },
    },
    {
      got: read('%{SQUID3}', '1525344856.899  167 10.1.7.1 TCP_MISS/000 6256 CONNECT a.example:443 joe DIRECT/- -'),
      want: {
        timestamp: '1525344856.899',
        'squid.request.duration': 167n,
        'source.address': '10.1.7.1',
        'event.action': 'TCP_MISS',
        'http.response.bytes': 6256n,
        'http.request.method': 'CONNECT',
        'url.original': 'a.example:443',
        'user.name': 'joe',
        'squid.hierarchy_code': 'DIRECT',
      },
    },
    {
      got: read(
        '%{BIND9}',
        '17-Feb-2018 23:06:56.326 queries: info: client @0x7f 172.26.0.1#12345 (a.example): query: a.example IN A +E(0)K (172.26.0.3)',
      ),
      want: {
        timestamp: '17-Feb-2018 23:06:56.326',
        'bing.log.category': 'queries',
        'log.level': 'info',
        'client.address': '172.26.0.1',
        'client.port': 12345n,
        'bind.log.question.name': 'a.example',
        'dns.question.name': 'a.example',
        'dns.question.class': 'IN',
        'dns.question.type': 'A',
        'bind.log.question.flags': '+E(0)K',
        'server.address': '172.26.0.3',
      },
    },
    {
      got: read(
        '%{BRO_CONN}',
        '1.5\tCx\t10.0.0.1\t4915\t::2\t53\tudp\tdns\t0.13\t36\t-\tSF\tT\t-\t0\tDd\t1\t64\t0\t0\t(empty)',
      ),
      want: {
        timestamp: '1.5',
        'zeek.session_id': 'Cx',
        'source.address': '10.0.0.1',
        'source.port': 4915n,
        'destination.address': '::2',
        'destination.port': 53n,
        'network.transport': 'udp',
        'network.protocol.name': 'dns',
        'zeek.connection.duration': 0.13,
        'zeek.connection.orig_bytes': 36n,
        'zeek.connection.state': 'SF',
        'zeek.connection.local_orig': 'T',
        'zeek.connection.missed_bytes': 0n,
        'zeek.connection.history': 'Dd',
        'source.packets': 1n,
        'source.bytes': 64n,
        'destination.packets': 0n,
        'destination.bytes': 0n,
      },
    },
    {
      got: read('%{REDISLOG} %{GREEDYDATA:message}', '4018:M 14 Nov 2026 07:01:22.119 * Ready'),
      want: { 'process.pid': 4018n, timestamp: '14 Nov 2026 07:01:22.119', message: 'Ready' },
    },
    {
      got: read(
        '%{IPTABLES}',
        'IN=eth0 OUT= MAC=00:80:48:00:00:01:00:80:48:00:00:02:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=42 DF PROTO=TCP SPT=5 DPT=80 WINDOW=5840 RES=0x00 ACK SYN URGP=0',
      ),
      want: {
        'observer.ingress.interface.name': 'eth0',
        'destination.mac': '00:80:48:00:00:01',
        'source.mac': '00:80:48:00:00:02',
        'source.address': '10.0.0.1',
        'destination.address': '10.0.0.2',
        'iptables.length': 60n,
        'iptables.tos': '00',
        'iptables.precedence_bits': '00',
        'iptables.ttl': 64n,
        'iptables.id': '42',
        'iptables.fragment_flags': 'DF',
        'network.transport': 'TCP',
        'source.port': 5n,
        'destination.port': 80n,
        'iptables.tcp.window': 5840n,
        'iptables.tcp_reserved_bits': '00',
        'iptables.tcp.flags': 'ACK SYN',
      },
    },
  ]
  for (const { got, want } of cases) assert.deepEqual(got, want)
})

test("the library's patterns match what they are named after", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    IPV6: [
      '::',
      '::1',
      'fe80::1%eth0',
      '1:2:3:4:5:6:7:8',
      '::ffff:1.2.3.4',
      '1:2:3:4:5:6:1.2.3.4',
      '1::8',
      '1:2::1.2.3.4',
    ],
    IPV4: ['0.0.0.0', '255.255.255.255', '01.2.3.4'],
    MAC: ['00:1b:44:11:3a:b7', '00-1B-44-11-3A-B7', '001b.4411.3ab7'],
    URI: ['http://u:p@example.com:80/a/b?c=d', 'ftp://10.0.0.1'],
    UUID: ['123e4567-e89b-12d3-a456-426614174000'],
    NUMBER: ['1', '-1.5', '.5'],
    QS: ['"a \\" b"', "'x'"],
    TIMESTAMP_ISO8601: ['2023-01-02T03:04:05.678Z', '2023-01-02 03:04', '2023-01-02T03:04:05+01:00'],
    HTTPDATE: ['10/Oct/2000:13:55:36 -0700'],
    SYSLOGTIMESTAMP: ['Jan  2 03:04:05'],
    DATESTAMP_RFC2822: ['Mon, 02 Jan 2006 15:04:05 +01:00'],
    LOGLEVEL: ['INFO', 'warning', 'Err'],
    UNIXPATH: ['/var/log/x.log'],
    WINPATH: ['C:\\dir\\file.txt'],
    EMAILADDRESS: ['joe.smith@example.com'],
    HOSTPORT: ['example.com:443'],
    TTY: ['/dev/pts/3'],
    URN: ['urn:isbn:0451450523'],
  }
  for (const [name, texts] of Object.entries(cases)) {
    for (const text of texts) assert.deepEqual(read(`^%{${name}:it}$`, text), { it: text }, `${name} ${text}`)
  }
  for (const text of ['1:2:3:4:5:6:7', '1::2::3', ':::', '12345::', '1:2:3:4:5:6:7:8:9']) {
    assert.deepEqual(read('^%{IPV6:it}$', text), {}, text)
  }
})

test('every pattern of the library compiles', () => {
  for (const name of grokPatterns.keys()) compileGrok(`%{${name}:it}`, { namedOnly: true, definitions: none })
})

test('any pattern is compiled or refused', () => {
  const unit = fc.constantFrom(
    '%{WORD}',
    '%{INT:a.b:int}',
    '%{A}',
    '(',
    ')',
    '|',
    '%',
    '{',
    '}',
    ':',
    'x',
    '*',
    '(?P<n>',
  )
  fc.assert(
    fc.property(fc.string({ unit }), fc.string(), fc.boolean(), (pattern, text, namedOnly) => {
      try {
        read(pattern, text, namedOnly, new Map([['A', 'a%{INT:i:float}']]))
      } catch (error) {
        assert.ok(error instanceof GrokError || error instanceof RegexpError, String(error))
      }
    }),
  )
})
