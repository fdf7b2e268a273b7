import { describe, expect, test } from 'vitest'
import {
  assembleRecord,
  type RecordGroup,
  type RecordParts,
  type RecordPeriod,
  type Registered,
} from '../../../src/domains/processing/processing-record.rules.ts'
import { recordsAsCsv } from '../../../src/domains/processing/processing-record-csv.rules.ts'
import { escapeHtml, recordsAsHtml } from '../../../src/domains/processing/processing-record-html.rules.ts'

const NOW = new Date('2028-02-29T12:00:00.000Z')
const ACCOUNT = '0199aa00-0000-7000-8000-000100000001'
const key = { role: 'PROCESSOR', controllerId: ACCOUNT, purpose: 'SERVICE_PROVISION', items: 3n, subjects: 2n } as const

const group = (by: RecordGroup['by'], value: string | null): RecordGroup => ({ ...key, by, value })

const processor = (name: string, more: Partial<Registered> = {}): Registered => ({
  accountId: '00000000-0000-7000-8000-000000000000',
  id: name,
  name,
  role: 'PROCESSOR',
  country: 'SE',
  regions: [],
  categories: ['ACCOUNT', 'USAGE'],
  purposes: ['SERVICE_PROVISION'],
  contractOn: new Date('2026-01-01T00:00:00.000Z'),
  endedAt: null,
  ...more,
})

const received = (processorId: string) => ({
  ...key,
  processorId,
  items: 2n,
  firstAt: new Date('2026-01-01T00:00:00.000Z'),
  lastAt: new Date('2026-01-31T00:00:00.000Z'),
})

const parts = (more: Partial<RecordParts> = {}): RecordParts => ({
  groups: [group('CATEGORY', 'USAGE'), group('KIND', 'END_USER'), group('SYSTEM', 'usage'), group('BASIS', 'CONTRACT')],
  received: [],
  register: [],
  controllers: new Map([[ACCOUNT, { id: ACCOUNT, name: 'Aster', country: 'DE' }]]),
  systemNames: new Map(),
  rules: [],
  keyEpochStartedAt: new Date('2028-02-01T12:00:00.001Z'),
  dataKeys: new Map(),
  ...more,
})

const of = (more: Partial<RecordParts> = {}) => assembleRecord(key, parts(more), NOW)
const names = (recipients: readonly { processor: { name: string } }[]) => recipients.map((each) => each.processor.name)

describe('recipients of a record', () => {
  const ended = new Date('2026-06-01T00:00:00.000Z')
  test.each<[string, Partial<Registered>, boolean, string[], string[]]>([
    ['of the register for purpose and category', {}, false, ['P'], []],
    ['not of the purpose', { purposes: ['SECURITY'] }, false, [], []],
    ['not of a category', { categories: ['PAYMENT'] }, false, [], []],
    ['not of the register any more, that received', { purposes: ['SECURITY'] }, true, ['P'], []],
    ['ended, that received nothing', { endedAt: ended }, false, [], []],
    ['ended, that received something', { endedAt: ended }, true, [], ['P']],
  ])('%s', (_name, more, hasReceived, current, former) => {
    const record = of({ register: [processor('P', more)], received: hasReceived ? [received('P')] : [] })
    expect([names(record.recipients), names(record.formerRecipients)]).toEqual([current, former])
  })

  test('come by name, and tell which countries are not the controller’s', () => {
    const register = [processor('Z', { country: 'US' }), processor('A', { country: 'DE' }), processor('M')]
    const record = of({ register })
    expect(names(record.recipients)).toEqual(['A', 'M', 'Z'])
    expect(record.recipients.map(({ abroad }) => abroad)).toEqual([false, true, true])
    expect(record.otherCountries).toEqual(['SE', 'US'])
  })

  test('of a controller whose country is not known are neither abroad nor at home', () => {
    const record = of({ register: [processor('P')], controllers: new Map() })
    expect([record.recipients[0]?.abroad, record.otherCountries]).toEqual([null, null])
  })

  test('of another purpose are of no concern', () => {
    const note = { ...received('P'), purpose: 'SECURITY' as const }
    expect(of({ register: [processor('P', { purposes: [] })], received: [note] }).recipients).toEqual([])
  })
})

test('days of an epoch are whole days', () => {
  expect(of().security).toMatchObject({ keyEpochDays: 27, dataKeys: 0n })
  expect(of({ keyEpochStartedAt: null, dataKeys: null }).security).toEqual({
    keyEpochStartedAt: null,
    keyEpochDays: null,
    dataKeys: null,
  })
})

const period = (
  category: RecordPeriod['category'],
  trigger: RecordPeriod['trigger'],
  description: RecordPeriod['description'],
): RecordPeriod => ({
  ...{ category, trigger, description, period: 'P13M', action: 'DELETE' },
  ...{ clause: '§7.4', legalSource: 'Art. 5 <1>' },
})

const RULES = [
  period('USAGE', 'CREATED', { en: 'Thirteen months.', de: 'Dreizehn Monate.' }),
  period('PAYMENT', 'CREATED', { en: 'Ten years.' }),
  period('USAGE', 'ACCOUNT_CLOSED', { en: 'After <closing>.' }),
]

test('a category shows every rule in effect of it, and no other', () => {
  const [usage] = of({ rules: RULES }).categories
  expect(usage?.retention.map(({ trigger }) => trigger)).toEqual(['CREATED', 'ACCOUNT_CLOSED'])
  expect(of().categories[0]?.retention).toEqual([])
})

test('a system without a name is known by its key', () => {
  expect(of().systems).toEqual([{ key: 'usage', name: null, items: 3n, subjects: 2n }])
})

describe('a document', () => {
  const controller = { id: ACCOUNT, name: '=HYPERLINK("http://evil.example")', country: 'DE' }
  const input = (languages: string[]) => ({
    controller,
    role: 'PROCESSOR' as const,
    records: [of({ rules: RULES, controllers: new Map([[ACCOUNT, controller]]), register: [processor('P<b>')] })],
    at: NOW,
    languages,
  })

  test('as CSV begins no cell like a formula', () => {
    const cells = recordsAsCsv(input(['en'])).split('\r\n')[1] ?? ''
    expect(cells).toContain(`,"'=HYPERLINK(""http://evil.example"")",DE,`)
    expect(cells.startsWith('2028-02-29,GDPR Art. 30(2),PROCESSOR,Pipelet,')).toBe(true)
  })

  test('names each period, in the language where there is one', () => {
    expect(recordsAsCsv(input(['de']))).toContain(',Nutzungsdaten: Dreizehn Monate. After <closing>.,')
    const html = recordsAsHtml(input(['en']))
    expect(html).toContain('<span>Thirteen months.</span><br><span>After &lt;closing&gt;.</span>')
    expect(html).toContain('§7.4; Art. 5 &lt;1&gt;</span><br><span')
  })

  test('as HTML escapes whatever it shows', () => {
    const html = recordsAsHtml(input(['de-at', 'en']))
    expect(html).toContain('<html lang="de">')
    expect(html).toContain('=HYPERLINK(&quot;http://evil.example&quot;)')
    expect(html).toContain('P&lt;b&gt;')
    expect(html).not.toContain('<b>')
    expect(html.match(/<table>/g)?.length).toBe(html.match(/<caption>/g)?.length)
  })

  test('escapes the five characters of HTML', () => {
    expect(escapeHtml(`<a href="x" title='y'>&`)).toBe('&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;')
  })
})
