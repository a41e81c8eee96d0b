// What generated DataStream 2 records draw from: places, hosts, agents, statuses, words. Tables only, and what turns
// a readable table into the encoded text of a record. Weights are guesses at ordinary web traffic, not measurements.
// Called by ds2.ts.

import { weighted, zipf } from './random.ts'

/** Returns text as DataStream 2 writes encoded fields: percent-encoded, a space as `+`. */
export function encodeText(text: string): string {
  const escaped = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => '%' + character.charCodeAt(0).toString(16).toUpperCase(),
  )
  return escaped.replaceAll('%20', '+')
}

/** Where a client sits, and the edge that serves it. */
export interface Place {
  readonly country: string
  /** Encoded; `-` where the log does not know it. */
  readonly state: string
  readonly city: string
  readonly language: string
  readonly asn: string
  /** First two octets of the client's network. */
  readonly network: string
  readonly edgeNetwork: string
  readonly serverCountry: string
  readonly billingRegion: string
}

function place(fields: string): Place {
  const [country, state, city, language, asn, network, edgeNetwork, serverCountry, billingRegion] = fields
    .split('|')
    .map((field) => field.trim()) as [string, string, string, string, string, string, string, string, string]
  return {
    country,
    state: encodeText(state),
    city: encodeText(city),
    language,
    asn,
    network,
    edgeNetwork,
    serverCountry,
    billingRegion,
  }
}

/** Places, the most frequent first. */
export const places = zipf(
  [
    'US | Virginia | HERNDON | en-US | 7922 | 73.40 | 23.50 | US | 1',
    'US | California | SANJOSE | en-US,en;q=0.9 | 7018 | 99.12 | 23.33 | US | 1',
    'BR | São Paulo | SAOPAULO | pt-BR,pt;q=0.9,en;q=0.8 | 28573 | 177.32 | 23.1 | BR | 6',
    'IN | Maharashtra | MUMBAI | en-IN,hi;q=0.8 | 55836 | 49.36 | 23.57 | IN | 7',
    'DE | Bayern | MUNICH | de-DE,de;q=0.9 | 3320 | 84.150 | 2.16 | DE | 2',
    'GB | England | LONDON | en-GB | 2856 | 86.134 | 2.18 | GB | 2',
    'US | Texas | DALLAS | en-US | 7018 | 172.56 | 23.199 | US | 1',
    'JP | Tokyo | TOKYO | ja-JP,ja;q=0.9 | 2516 | 106.128 | 23.40 | JP | 3',
    'FR | Île-de-France | PARIS | fr-FR,fr;q=0.9 | 3215 | 90.3 | 2.17 | FR | 2',
    'CN | Guangdong | SHENZHEN | zh-CN,zh;q=0.9 | 4134 | 113.88 | 23.2 | HK | 4',
    'RU | Moskva | MOSCOW | ru-RU,ru;q=0.9 | 12389 | 95.24 | 2.22 | RU | 5',
    'MX | Nuevo León | MONTERREY | es-MX,es;q=0.9 | 8151 | 189.144 | 23.53 | MX | 6',
    'SG | - | SINGAPORE | en-SG | 4773 | 116.86 | 23.74 | SG | 8',
    'CA | Ontario | TORONTO | en-CA,fr-CA;q=0.7 | 812 | 99.228 | 23.67 | CA | 1',
    'ES | Madrid | MADRID | es-ES,es;q=0.9 | 3352 | 80.24 | 2.19 | ES | 2',
    'AU | New South Wales | SYDNEY | en-AU | 1221 | 101.160 | 23.48 | AU | 9',
    'ID | Jakarta | JAKARTA | id-ID,id;q=0.9 | 7713 | 36.68 | 23.65 | ID | 8',
    'ZA | Gauteng | JOHANNESBURG | en-ZA | 37457 | 105.184 | 23.79 | ZA | 10',
    'AR | Buenos Aires | BUENOSAIRES | es-AR | 7303 | 181.44 | 23.72 | AR | 6',
    'PL | Mazowieckie | WARSAW | pl-PL,pl;q=0.9 | 5617 | 83.8 | 2.20 | PL | 2',
    'TR | İstanbul | ISTANBUL | tr-TR,tr;q=0.9 | 9121 | 78.160 | 2.21 | TR | 5',
    'KR | Seoul | SEOUL | ko-KR,ko;q=0.9 | 4766 | 121.128 | 23.35 | KR | 3',
    'NL | Noord-Holland | AMSTERDAM | nl-NL,nl;q=0.9 | 1136 | 77.160 | 2.23 | NL | 2',
    'NG | Lagos | LAGOS | en-NG | 29465 | 105.112 | 23.82 | ZA | 10',
  ].map(place),
)

/** Host names, the most frequent first. */
export const hosts = zipf([
  'www.example.com',
  'static.example.com',
  'api.example.com',
  'img.example.com',
  'media.example.net',
  'shop.example.com',
  'm.example.com',
  'login.example.com',
  'www.example.org',
  'downloads.example.net',
  'assets.shop.example.com',
  'video-edge.example.net',
  'search.example.com',
  'www.example.co.uk',
  'www.example.com.br',
  'events.example.com',
  'fonts.example.com',
  'partner-api.example.com',
  'blog.example.org',
  'status.example.com',
])

const chromeVersions = ['120.0.0.0', '119.0.0.0', '118.0.5993.117', '109.0.5414.120', '96.0.4664.45']
const firefoxVersions = ['121.0', '120.0', '115.0', '102.0']
const desktops = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64']
const phones = ['Linux; Android 13; SM-A536B', 'Linux; Android 10; K', 'Linux; Android 12; moto g(60)']

function chrome(system: string, version: string, phone: string): string {
  return `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} ${phone}Safari/537.36`
}

/** User agents, encoded, the most frequent first. */
export const agents = zipf(
  [
    ...chromeVersions.flatMap((version) => [
      ...desktops.map((system) => chrome(system, version, '')),
      ...phones.map((system) => chrome(system, version, 'Mobile ')),
    ]),
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15',
    ...firefoxVersions.flatMap((version) =>
      desktops.map((system) => `Mozilla/5.0 (${system}; rv:${version}) Gecko/20100101 Firefox/${version}`),
    ),
    chrome(desktops[0] as string, '120.0.0.0', '') + ' Edg/120.0.2210.61',
    'okhttp/4.12.0',
    'ExampleApp/7.31.2 (iPhone15,2; iOS 17.1.2; Scale/3.00)',
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'curl/8.4.0',
    'python-requests/2.31.0',
    'Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36',
    'kube-probe/1.28',
    'Go-http-client/2.0',
  ].map(encodeText),
)

/** Kinds of request: what they ask for, and how large the answers are on average. */
export interface Kind {
  readonly contentType: string
  readonly folder: string
  readonly ending: string
  readonly meanBytes: number
  readonly hasQuery: boolean
  readonly maxAgeSec: string
  readonly isCacheable: boolean
}

function kind(contentType: string, folder: string, ending: string, meanBytes: number, maxAgeSec: number): Kind {
  return {
    contentType,
    folder,
    ending,
    meanBytes,
    hasQuery: ending === '' || ending === '.html',
    maxAgeSec: maxAgeSec === 0 ? '-' : String(maxAgeSec),
    isCacheable: maxAgeSec > 0,
  }
}

/** Kinds of request by frequency. */
export const kinds = weighted<Kind>([
  [kind('text/html', '/', '.html', 18_000, 300), 20],
  [kind('application/json', '/api/v2/', '', 2_400, 0), 24],
  [kind('image/jpeg', '/static/img/', '.jpg', 64_000, 86_400), 20],
  [kind('application/javascript', '/assets/js/', '.js', 42_000, 31_536_000), 12],
  [kind('text/css', '/assets/css/', '.css', 16_000, 31_536_000), 8],
  [kind('video/mp2t', '/vod/hls/', '.ts', 1_400_000, 604_800), 8],
  [kind('image/webp', '/static/img/', '.webp', 31_000, 86_400), 5],
  [kind('font/woff2', '/static/fonts/', '.woff2', 24_000, 31_536_000), 2],
  [kind('application/octet-stream', '/downloads/', '.zip', 9_000_000, 3_600), 1],
])

/** Words of paths and queries, encoded where they have to be. */
export const words = zipf(
  [
    'products', 'search', 'orders', 'account', 'cart', 'login', 'category', 'news', 'profile', 'shoes', 'checkout',
    'summer-sale', 'wishlist', 'café', 'reviews', 'laptops', 'session', 'invoices', 'jardín', 'recommendations',
    'support', 'live', 'telemetry', 'händler', 'tracking', 'offers', 'über-uns', '東京', 'returns', 'gift cards',
    'newsletter', 'promoção', 'careers', 'a&b', 'terms', 'предложения',
  ].map(encodeText),
) // prettier-ignore

/** A status, and the error code that goes with it: `-` and `^` both mean that there is none. */
export interface Status {
  readonly code: string
  readonly errorCode: string
  /** Whether the answer has the body that was asked for. */
  readonly hasBody: boolean
}

function status(code: number, errorCode = '-'): Status {
  return { code: String(code), errorCode, hasBody: code === 200 || code === 206 }
}

/** Statuses by frequency, per 1,000. */
export const statuses = weighted<Status>([
  [status(200), 600],
  [status(200, '^'), 140],
  [status(304), 90],
  [status(206), 30],
  [status(301), 20],
  [status(302), 25],
  [status(400), 5],
  [status(401), 10],
  [status(403, 'ERR_ACCESS_DENIED|fwd_acl'), 15],
  [status(404), 40],
  [status(429, 'ERR_ACCESS_DENIED|rate_limit'), 5],
  [status(500), 7],
  [status(502, 'ERR_CONNECT_FAIL|forward_connect'), 4],
  [status(503, 'ERR_CONNECT_TIMEOUT|serve_stale'), 6],
  [status(504, 'ERR_READ_TIMEOUT|forward_read'), 3],
])

/** Methods of requests that read, and of requests to an interface. */
export const methods = {
  page: weighted([
    ['GET', 97],
    ['HEAD', 3],
  ]),
  api: weighted([
    ['GET', 60],
    ['POST', 30],
    ['PUT', 5],
    ['DELETE', 2],
    ['OPTIONS', 3],
  ]),
}

/** TLS versions by frequency; `-` is a request without TLS. */
export const tlsVersions = weighted([
  ['TLSv1.3', 70],
  ['TLSv1.2', 24],
  ['TLSv1', 1],
  ['-', 5],
])

/** Decisions of security rules, packed as the log packs them; mostly there is none. */
export const securityRules = weighted([
  ['-', 80],
  ['ULnR_28976|950002:950006|', 8],
  ['ULnR_28976|3900000:3900001:3900005:3900006:BOT-ANOMALY-HEADER|', 5],
  ['ULnR_28976|3900000|REP_TOOL:990021', 4],
  ['^', 3],
])

/** Free text of the stream's owner. */
export const customFields = weighted([
  ['-', 60],
  ['tier=gold', 12],
  ['tier=free', 20],
  [encodeText('experiment=new checkout|arm=B'), 8],
])
