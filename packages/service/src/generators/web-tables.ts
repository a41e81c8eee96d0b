// What generated access logs draw from: networks, paths, agents, statuses. Tables only. Weights are guesses at ordinary
// web traffic, not measurements. Called by web.ts.

import { weighted, zipf } from './random.ts'

/** Networks of clients, and the zone of the servers they are sent to, the most frequent first. */
export const places = zipf(
  [
    '73.40 -0500',
    '99.12 -0800',
    '84.150 +0100',
    '49.36 +0530',
    '177.32 -0300',
    '86.134 +0000',
    '106.128 +0900',
    '90.3 +0100',
    '110.44 +0545',
    '1.128 +1000',
  ].map((fields) => {
    const [network, zone] = fields.split(' ') as [string, string]
    return { network, zone }
  }),
)

export const users = zipf(['amara', 'jonas', 'li.wei', 'priya', 'root', 'svc-backup', 'olena', 'mateus'])

export const agents = zipf([
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Debian APT-HTTP/1.3 (2.2.4)',
  'curl/8.5.0',
  'python-requests/2.31.0',
  'Go-http-client/1.1',
  '-',
])

export const methods = weighted([
  ['GET', 84],
  ['POST', 9],
  ['HEAD', 4],
  ['PUT', 1],
  ['DELETE', 1],
  ['OPTIONS', 1],
])

export const folders = zipf(['/downloads/', '/api/v1/', '/static/', '/blog/', '/shop/', '/admin/', '/.well-known/'])

export const leaves = zipf([
  'index.html',
  'product_1',
  'product_2',
  'app.css',
  'main.js',
  'orders',
  'search',
  'logo.svg',
  'login.php',
  'security.txt',
])

export const referrers = zipf([
  'https://www.example.com/',
  'https://www.google.com/',
  'https://duckduckgo.com/',
  'https://news.example.org/',
  'http://intranet.example.net/',
])

/** A status, and the mean size of its answers; 0 for those without a body. */
export interface WebStatus {
  readonly code: string
  readonly meanBytes: number
}

export const statuses = weighted<WebStatus>([
  [{ code: '200', meanBytes: 12_000 }, 1560],
  [{ code: '206', meanBytes: 200_000 }, 40],
  [{ code: '204', meanBytes: 0 }, 30],
  [{ code: '301', meanBytes: 200 }, 70],
  [{ code: '304', meanBytes: 0 }, 160],
  [{ code: '400', meanBytes: 180 }, 10],
  [{ code: '401', meanBytes: 180 }, 16],
  [{ code: '403', meanBytes: 180 }, 20],
  [{ code: '404', meanBytes: 350 }, 70],
  [{ code: '499', meanBytes: 0 }, 4],
  [{ code: '500', meanBytes: 250 }, 8],
  [{ code: '502', meanBytes: 180 }, 4],
  [{ code: '503', meanBytes: 180 }, 8],
])
