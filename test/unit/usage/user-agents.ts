import type { Device } from '../../../src/domains/usage/usage-device.rules.ts'

const WIN =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36'
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit'
const LIN = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36'
const AND =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36'
const IPH = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const IPA = 'Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'

/** User agents as browsers really send them, with the families that are stored of each. */
export const BROWSER_AGENTS: readonly (readonly [userAgent: string, browser: Device['browser'], os: Device['os']])[] = [
  [WIN, 'CHROME', 'WINDOWS'],
  [`${MAC}/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36`, 'CHROME', 'MACOS'],
  [LIN, 'CHROME', 'LINUX'],
  [AND, 'CHROME', 'ANDROID'],
  [`${IPH} CriOS/124.0.6367.68 Mobile/15E148 Safari/604.1`, 'CHROME', 'IOS'],
  [WIN.replace('Chrome/', 'HeadlessChrome/'), 'CHROME', 'WINDOWS'],
  [
    'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
    'CHROME',
    'OTHER',
  ],
  [
    'Mozilla/5.0 (Linux; Android 12; motorola edge (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.5481.154 Mobile Safari/537.36',
    'CHROME',
    'ANDROID',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36',
    'CHROME',
    'LINUX',
  ],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0', 'FIREFOX', 'WINDOWS'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 14.4; rv:125.0) Gecko/20100101 Firefox/125.0', 'FIREFOX', 'MACOS'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', 'FIREFOX', 'LINUX'],
  ['Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0', 'FIREFOX', 'ANDROID'],
  [`${IPH} FxiOS/125.0 Mobile/15E148 Safari/605.1.15`, 'FIREFOX', 'IOS'],
  [`${MAC}/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15`, 'SAFARI', 'MACOS'],
  [`${IPH} Version/17.4.1 Mobile/15E148 Safari/604.1`, 'SAFARI', 'IOS'],
  [`${IPA} Version/17.4 Mobile/15E148 Safari/604.1`, 'SAFARI', 'IOS'],
  [`${WIN} Edg/124.0.0.0`, 'EDGE', 'WINDOWS'],
  [`${MAC}/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51`, 'EDGE', 'MACOS'],
  [`${LIN} Edg/124.0.0.0`, 'EDGE', 'LINUX'],
  [
    'Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.82 Mobile Safari/537.36 EdgA/123.0.2420.102',
    'EDGE',
    'ANDROID',
  ],
  [`${IPH} Version/17.0 EdgiOS/123.0.2420.108 Mobile/15E148 Safari/605.1.15`, 'EDGE', 'IOS'],
  [`${WIN} OPR/109.0.0.0`, 'OPERA', 'WINDOWS'],
  [`${MAC}/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 OPR/109.0.0.0`, 'OPERA', 'MACOS'],
  [`${LIN} OPR/109.0.0.0`, 'OPERA', 'LINUX'],
  [`${AND} OPR/80.5.4244.78163`, 'OPERA', 'ANDROID'],
  [`${IPH} Version/17.4 Mobile/15E148 Safari/604.1 OPT/4.6.1`, 'OPERA', 'IOS'],
  ['Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18', 'OPERA', 'WINDOWS'],
  [
    'Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36',
    'SAMSUNG_INTERNET',
    'ANDROID',
  ],
  [
    'Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Safari/537.36',
    'SAMSUNG_INTERNET',
    'ANDROID',
  ],
  ['Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko', 'OTHER', 'WINDOWS'],
  [
    'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; WOW64; Trident/6.0; .NET4.0E; .NET4.0C; .NET CLR 3.5.30729; .NET CLR 2.0.50727; .NET CLR 3.0.30729)',
    'OTHER',
    'WINDOWS',
  ],
]

/** User agents of HTTP tools, libraries, SDKs and crawlers as they really send them. */
export const LIBRARY_AGENTS: readonly string[] = [
  'curl/8.7.1',
  'Wget/1.21.4',
  'HTTPie/3.2.2',
  'python-requests/2.31.0',
  'python-httpx/0.27.0',
  'python-urllib3/2.2.1',
  'Python-urllib/3.12',
  'Python/3.12 aiohttp/3.9.5',
  'Go-http-client/1.1',
  'Go-http-client/2.0',
  'okhttp/4.12.0',
  'Apache-HttpClient/4.5.14 (Java/17.0.11)',
  'Java-http-client/21.0.2',
  'Dart/3.3 (dart:io)',
  'axios/1.6.8',
  'node',
  'undici',
  'node-fetch',
  'node-fetch/1.0 (+https://github.com/bitinn/node-fetch)',
  'got (https://github.com/sindresorhus/got)',
  'Deno/1.43.1',
  'Bun/1.1.6',
  'PostmanRuntime/7.37.3',
  'insomnia/9.1.0',
  'OpenAI/Python 1.30.1',
  'AsyncOpenAI/Python 1.30.1',
  'OpenAI/JS 4.47.1',
  'Anthropic/Python 0.25.8',
  'Stripe/v1 PythonBindings/9.6.0',
  'azsdk-python-storage-blob/12.19.1 Python/3.11.9 (Linux-5.15.0-1061-azure-x86_64-with-glibc2.35)',
  'Boto3/1.34.98 md/Botocore#1.34.98 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.98',
  'aws-sdk-js/3.569.0 ua/2.0 os/linux#6.1.0 lang/js md/nodejs#20.12.2 api/s3#3.569.0',
  'google-api-nodejs-client/7.1.0 (gzip)',
  'grpc-node-js/1.10.6',
  'git/2.45.0',
  'kubectl/v1.30.0 (linux/amd64) kubernetes/7c48c2b',
  'MyApp/1 CFNetwork/1494.0.7 Darwin/23.4.0',
  'Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22631; en-US) PowerShell/7.4.2',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.91 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)',
  'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
]
