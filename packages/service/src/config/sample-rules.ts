// The rules of the built-in settings, as text: so that `weir serve` has rules wherever it is installed. They are those of
// fixtures/rule-sets/sample.yaml, and a test holds the two equal. Called by defaults.ts.

/** A rule set for records of Akamai DataStream 2, YAML. */
export const sampleRules = String.raw`# Sample rules for Akamai DataStream 2 records; ${'`'}npm start${'`'} filters generated records with them.
# Rules are read from top to bottom: the first one whose condition holds decides, and ${'`'}default${'`'} decides the rest.
version: 1
missing: ['-', '^'] # DataStream 2 writes these where there is no value
default: drop

rules:
  # Probes and synthetic checks say nothing about real visitors.
  - id: monitoring
    when:
      any:
        - { field: UA, decode: url, prefix: [kube-probe/, curl/, Go-http-client/] }
        - { field: cliIP, cidr: ['10.0.0.0/8', '192.168.0.0/16', '2001:db8::/32'] }
    then: drop

  # A security rule fired and the request was refused: a stream of its own, for the people who look into attacks.
  - id: refused
    when:
      all:
        - { field: securityRules, exists: true }
        - { field: errorCode, prefix: ERR_ACCESS_DENIED }
    then: { route: security }

  # Errors of the origin, as a browser saw them. Patterns are RE2's; ${'`'}matches${'`'} means the whole value.
  - id: origin-errors
    when:
      all:
        - { field: statusCode, matches: '5\d\d' }
        - { field: UA, decode: url, search: '(?i)chrome|firefox|safari' }
    then: keep

  # Slow answers that no cache gave, in the markets that are watched. Numbers in strings compare as numbers.
  - id: slow-in-market
    when:
      all:
        - { field: country, in: [BR, IN, US] }
        - { field: cacheStatus, equals: 0 }
        - { field: turnAroundTimeMSec, gte: 500 }
        - not: { field: rspContentType, prefix: video/ }
    then: keep

  # Money: writes to the shop and to the interface of partners, whatever their outcome.
  - id: orders
    when:
      all:
        - { field: reqHost, suffix: [shop.example.com, partner-api.example.com] }
        - { field: reqMethod, in: [POST, PUT, DELETE] }
        - { field: reqPath, decode: url, contains: [/cart, /checkout, /orders], ignoreCase: true }
    then: keep

tests:
  - name: a probe is dropped, whatever else holds
    record: { UA: kube-probe/1.28, statusCode: '503' }
    expect: drop
    rule: monitoring
  - name: a refusal by a security rule goes to its own route
    record: { statusCode: '403', securityRules: 'ULnR_28976|3900000|', errorCode: 'ERR_ACCESS_DENIED|fwd_acl' }
    expect: security
  - name: a refusal without a security rule does not
    record: { statusCode: '403', securityRules: '-', errorCode: 'ERR_ACCESS_DENIED|fwd_acl' }
    expect: drop
    rule: default
  - name: a 503 in an encoded browser name
    record: { statusCode: '503', UA: 'Mozilla%2F5.0+%28X11%29+Chrome%2F120.0.0.0', cliIP: 84.150.2.9 }
    expect: keep
    rule: origin-errors
  - name: a slow answer in Brazil
    record: { statusCode: '200', country: BR, cacheStatus: '0', turnAroundTimeMSec: '700', rspContentType: text/html }
    expect: keep
    rule: slow-in-market
  - name: a slow video is not counted as slow
    record: { statusCode: '200', country: BR, cacheStatus: '0', turnAroundTimeMSec: '700', rspContentType: video/mp2t }
    expect: drop
  - name: an order
    record: { statusCode: '200', reqHost: shop.example.com, reqMethod: POST, reqPath: /api/v2/Checkout/shoes-17 }
    expect: keep
    rule: orders
`
