// What generated rules draw from: names, parts of patterns, networks. Tables only; some of it occurs in records of
// DataStream 2, most of it does not, as in rule sets that grew over years. Called by families.ts.

/** Crawlers and tools as their agents name them. */
export const crawlers = [
  'AhrefsBot', 'SemrushBot', 'MJ12bot', 'DotBot', 'PetalBot', 'YandexBot', 'Baiduspider', 'Bytespider', 'GPTBot',
  'Amazonbot', 'CCBot', 'ClaudeBot', 'DataForSeoBot', 'SeznamBot', 'Sogou web spider', 'archive.org_bot', 'Applebot',
  'DuckDuckBot', 'facebookexternalhit', 'Twitterbot', 'LinkedInBot', 'Pinterestbot', 'Slackbot', 'TelegramBot', 'Discordbot',
  'WhatsApp', 'Googlebot', 'bingbot', 'Nikto', 'sqlmap', 'masscan', 'zgrab', 'Nmap Scripting Engine', 'WPScan', 'gobuster',
  'feroxbuster', 'nuclei', 'python-requests', 'aiohttp', 'libwww-perl', 'Scrapy', 'HTTrack', 'Java-http-client', 'PycURL',
  'axios', 'node-fetch', 'HeadlessChrome', 'PhantomJS', 'UptimeRobot', 'Pingdom', 'StatusCake', 'Site24x7', 'GTmetrix',
] as const // prettier-ignore

/** Products of browsers and programs, as they stand before a version. */
export const products = [
  'Chrome', 'Firefox', 'Safari', 'Edg', 'OPR', 'Version', 'okhttp', 'ExampleApp', 'SamsungBrowser', 'CriOS', 'Vivaldi',
  'Electron', 'Dalvik', 'curl', 'Wget', 'Go-http-client',
] as const // prettier-ignore

/** Parts of paths that scanners ask for, as patterns. */
export const probes = [
  'wp-(?:login|admin|config)', 'xmlrpc\\.php', '\\.env(?:\\.|$)', '\\.git/(?:config|HEAD)', 'phpmyadmin', 'server-status',
  'actuator/(?:env|heapdump)', 'cgi-bin/[a-z]+\\.sh', 'solr/admin', 'jenkins/script', 'manager/html', 'owa/auth',
  '\\.aws/credentials', 'id_rsa(?:\\.pub)?$', 'vendor/phpunit', '_ignition/execute', 'telescope/requests', 'autodiscover',
  'hnap1', 'boaform/admin', 'setup\\.(?:php|cgi)', 'config\\.(?:json|ya?ml|php)$', 'backup[0-9]*\\.(?:zip|tar\\.gz|sql)$',
  'web\\.config$', 'ecp/[a-z]+\\.js', 'remote/fgt_lang', 'api/jsonws', 'console/login', 'druid/index', 'nacos/v1',
] as const // prettier-ignore

/** Parts of query strings that attacks have, as patterns. */
export const attacks = [
  'union(?:\\+|%20)+(?:all(?:\\+|%20)+)?select', '(?:sleep|benchmark|pg_sleep)\\(', '%3cscript', 'onerror(?:%3d|=)',
  '%24%7bjndi', 'etc(?:/|%2f)passwd', 'php(?::|%3a)//(?:input|filter)', '(?:url|next|return)=https?(?::|%3a)', 'xp_cmdshell',
  'information_schema', 'load_file\\(', 'document\\.cookie', 'base64_decode', 'allow_url_include', '%00\\.(?:jpe?g|png)',
  '%7b%7b[^}]*%7d%7d', 'cmd=(?:whoami|id|cat)', 'wget(?:\\+|%20)http', 'class\\.module\\.classloader', '\\.\\./\\.\\./',
] as const // prettier-ignore

/** Texts that decoded query strings and paths are asked for. */
export const phrases = [
  'select * from', '<script>', '../../', '${jndi:', 'gift cards', 'winter sale', 'a&b', 'drop table', '" or "1"="1',
  '/etc/passwd', 'javascript:', 'café', 'über-uns', '東京', 'promoção', "' or 1=1", 'data:text/html', '{{7*7}}',
] as const // prettier-ignore

export const hosts = [
  'www.example.com', 'static.example.com', 'api.example.com', 'img.example.com', 'media.example.net', 'shop.example.com',
  'm.example.com', 'login.example.com', 'www.example.org', 'downloads.example.net', 'assets.shop.example.com',
  'video-edge.example.net', 'search.example.com', 'partner-api.example.com', 'status.example.com', 'events.example.com',
  'beta.example.com', 'staging.example.com', 'legacy.example.org', 'admin.example.com', 'vpn.example.net', 'old.example.co.uk',
] as const // prettier-ignore

export const countries = [
  'US', 'BR', 'IN', 'DE', 'GB', 'JP', 'FR', 'CN', 'RU', 'MX', 'SG', 'CA', 'ES', 'AU', 'ID', 'ZA', 'AR', 'PL', 'TR', 'KR', 'NL',
  'NG', 'VN', 'TH', 'UA', 'RO', 'IR', 'PK', 'BD', 'EG', 'SE', 'CH', 'IT', 'PT', 'CL', 'CO', 'PE', 'PH', 'MY', 'KE',
] as const // prettier-ignore

/** Places as the log has them, decoded. */
export const states = ['São Paulo', 'Île-de-France', 'Nuevo León', 'İstanbul', 'Bayern', 'New South Wales'] as const

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'] as const

/** Classes and groups of statuses of requests that failed, as patterns of the whole value: such are what rules look for. */
export const statusClasses = ['5\\d\\d', '4\\d\\d', '50[0234]', '4(?:03|29)', '[45]\\d\\d', '40[134]'] as const

export const statuses = ['206', '301', '400', '401', '403', '404', '429', '500', '502', '503', '504'] as const

export const folders = [
  '/api/v1/', '/api/v2/', '/api/v3/', '/static/img/', '/assets/js/', '/vod/hls/', '/downloads/', '/internal/', '/debug/',
  '/metrics', '/graphql', '/admin/', '/test/', '/old/', '/beta/', '/partners/', '/export/', '/.well-known/', '/v1/health',
] as const // prettier-ignore

export const endings = [
  '.zip', '.ts', '.php', '.asp', '.aspx', '.jsp', '.cgi', '.exe', '.bak', '.old', '.sql', '.webp', '.woff2', '.css', '.json', '.xml',
] as const // prettier-ignore

/** Words of paths. */
export const pathWords = [
  'products', 'search', 'orders', 'account', 'cart', 'login', 'category', 'checkout', 'wishlist', 'reviews', 'invoices',
  'session', 'returns', 'newsletter', 'careers', 'terms', 'password', 'coupon', 'refund', 'loyalty', 'giftcard', 'billing',
  'shipping', 'warranty', 'firmware', 'webhook', 'callback', 'token', 'oauth', 'export', 'import', 'report', 'upload',
] as const // prettier-ignore

/** Fields that are numbers, with what they are about. */
export const numbers = [
  { field: 'turnAroundTimeMSec', about: 900 },
  { field: 'transferTimeMSec', about: 400 },
  { field: 'bytes', about: 2_000_000 },
  { field: 'objSize', about: 5_000_000 },
  { field: 'totalBytes', about: 3_000_000 },
  { field: 'tlsOverheadTimeMSec', about: 45 },
  { field: 'dnsLookupTimeMSec', about: 75 },
  { field: 'reqEndTimeMSec', about: 11 },
] as const
