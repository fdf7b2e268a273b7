import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import { openAccount, perform, type Who } from './calls.ts'
import { recordTrace } from './usage-events-kit.ts'

const PLATFORM = globalId('Account', PLATFORM_ACCOUNT_ID)
const COMPUTE = globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id: DEMO_PROCESSOR_ID }))
const AT = '2026-03-15T12:00:00.000Z'

let world: World
let callers: Awaited<ReturnType<typeof callersOf>>
const as = (name: string): Who => ({ token: callers[name] ?? '' })

/**
 * Beside the demo's persons (two members and two own users here, one of each in the other account): usage of an own user,
 * of a member and of nobody, all in February.
 */
beforeAll(async () => {
  world = await openWorld()
  const event = { occurredAt: '2026-02-10T10:00:00.000Z', kind: 'API_REQUEST' }
  await recordTrace(world, world.ids.account, [
    { ...event, requestId: 'feb-1', subjectId: world.ids.endUser },
    { ...event, requestId: 'feb-2', subjectId: world.ids.member },
    { ...event, requestId: 'feb-3' },
  ])
  callers = await callersOf(world)
})
afterAll(() => world.close())

const FIELDS = `role article controllerId controllerName controllerCountry purpose purposeName items subjects legalBases
  categories { category name items subjects retention { period clause } } persons { kind items subjects }
  systems { key items } recipients { edges { node { ...R } } } formerRecipients { edges { node { ...R } } }
  otherCountries security { keyEpochStartedAt keyEpochAgeDays livingDataKeys }`
const RECIPIENT = `fragment R on ProcessingRecipient { name country isAbroad mayReceive itemsReceived firstReceivedAt
  lastReceivedAt endedAt }`
const RECORDS = `query($f: ProcessingRecordFilter, $first: Int, $after: String) {
  processingRecords(filter: $f, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { ${FIELDS} } } } } ${RECIPIENT}`

type Recipient = { name: string; endedAt: string | null; itemsReceived: number }
type Edges = { edges: { node: Recipient }[] }
type ProcessingRecord = {
  role: string
  controllerId: string
  purpose: string
  items: number
  subjects: number
  recipients: Edges
  formerRecipients: Edges
} & Record<string, unknown>

async function records(who: Who, filter: object = {}): Promise<ProcessingRecord[]> {
  const { data, errors } = await world.ask(who, RECORDS, { f: filter, first: 20 })
  if (errors) throw new Error(String(errors[0]?.extensions['code']))
  return data.processingRecords.edges.map(({ node }: { node: ProcessingRecord }) => node)
}

/** Role, purpose, pieces and persons of each record, and whose where that is said. */
const short = async (who: Who, filter: object = {}) =>
  (await records(who, filter)).map(({ role, purpose, items, subjects }) => `${role} ${purpose} ${items} ${subjects}`)

const recipientNames = ({ edges }: Edges) => edges.map(({ node }) => node.name)

async function documentOf(who: Who, format: string, accountId: string | null = null, language = 'en') {
  const query = `query($format: ProcessingRecordFormat!, $accountId: ID) {
    processingRecordDocument(format: $format, accountId: $accountId) { fileName contentType body } }`
  const answer = await world.ask(who, query, { format, accountId }, { 'accept-language': language })
  return answer.errors ? String(answer.errors[0]?.extensions['code']) : answer.data.processingRecordDocument
}

const OWN = [
  'PROCESSOR PAYMENT_PROCESSING 2 1',
  'PROCESSOR RIGHTS_FULFILMENT 2 2',
  'PROCESSOR SERVICE_PROVISION 4 2',
  'PROCESSOR USAGE_REPORTING 2 1',
]

describe('records on behalf of an account', () => {
  test('count what is held of its own users and of nobody, for each purpose', async () => {
    for (const who of ['subject', as('ADMIN'), 'integration'] as const) expect(await short(who)).toEqual(OWN)
    expect(await short('otherSubject')).toEqual(['PROCESSOR RIGHTS_FULFILMENT 1 1', 'PROCESSOR SERVICE_PROVISION 1 1'])
  })

  // GDPR Art. 30(2): controller, categories of processing, countries, security.
  test('say everything that the law asks for', async () => {
    const [record] = await records('subject', { purpose: 'SERVICE_PROVISION' })
    expect(record).toEqual({
      role: 'PROCESSOR',
      article: 'GDPR Art. 30(2)',
      controllerId: world.ids.account,
      controllerName: 'Aster Analytics',
      controllerCountry: 'DE',
      purpose: 'SERVICE_PROVISION',
      purposeName: 'Running the service',
      items: 4,
      subjects: 2,
      legalBases: ['CONTRACT'],
      categories: [
        {
          category: 'ACCOUNT',
          name: 'Account data',
          items: 2,
          subjects: 2,
          retention: [{ period: 'P30D', clause: '§7.1' }],
        },
        {
          ...{ category: 'USAGE', name: 'Usage data', items: 2, subjects: 1 },
          retention: [
            { period: 'P13M', clause: '§7.4' },
            { period: 'P30D', clause: '§7.1' },
          ],
        },
      ],
      persons: [
        { kind: 'END_USER', items: 3, subjects: 2 },
        { kind: null, items: 1, subjects: 0 },
      ],
      systems: [
        { key: 'accounts', items: 2 },
        { key: 'usage', items: 2 },
      ],
      recipients: {
        edges: [
          {
            node: {
              name: 'Norrvik Compute',
              country: 'SE',
              isAbroad: true,
              mayReceive: ['ACCOUNT', 'USAGE'],
              itemsReceived: 0,
              firstReceivedAt: null,
              lastReceivedAt: null,
              endedAt: null,
            },
          },
        ],
      },
      formerRecipients: { edges: [] },
      otherCountries: ['SE'],
      // The account's key and those of its two own users.
      security: { keyEpochStartedAt: AT, keyEpochAgeDays: 0, livingDataKeys: 3 },
    })
  })

  test('are in the language of the caller', async () => {
    const query = `{ processingRecords(filter: { purpose: SECURITY }) { edges { node { purposeName } } }
      all: processingRecords(first: 1) { edges { node { purposeName categories { name } } } } }`
    const { data } = await world.ask('subject', query, undefined, { 'accept-language': 'de' })
    expect(data.processingRecords.edges).toEqual([])
    expect(data.all.edges[0].node).toEqual({ purposeName: 'Bezahlung', categories: [{ name: 'Nutzungsdaten' }] })
  })
})

describe('records of the platform as controller', () => {
  test('count the members of all accounts and the accounts themselves, for Staff alone', async () => {
    const all = [
      'CONTROLLER AUTHENTICATION 6 3',
      'CONTROLLER PAYMENT_PROCESSING 1 1',
      'CONTROLLER SERVICE_NOTIFICATIONS 3 3',
      'CONTROLLER SERVICE_PROVISION 7 3',
      'CONTROLLER USAGE_REPORTING 1 1',
    ]
    expect(await short('staff', { role: 'CONTROLLER' })).toEqual(all)
    expect(await short('staff', { accountId: PLATFORM })).toEqual(all)
    expect(await short(as('STAFF AUDITOR'), { role: 'CONTROLLER' })).toEqual(all)
    expect(await short('subject', { role: 'CONTROLLER' })).toEqual([])
    expect(await short('subject', { accountId: PLATFORM })).toEqual([])
  })

  test('name the country of each recipient that is another', async () => {
    const [record] = await records('staff', { accountId: PLATFORM, purpose: 'PAYMENT_PROCESSING' })
    expect(record?.['controllerCountry']).toBe('US')
    expect(record?.['otherCountries']).toEqual(['IE'])
  })
})

describe('records are narrowed', () => {
  test.each<[string, object, string[]]>([
    ['by controller', {}, OWN],
    ['by purpose', { purpose: 'USAGE_REPORTING' }, ['PROCESSOR USAGE_REPORTING 2 1']],
    ['by category, and shown whole', { category: 'ACCOUNT' }, OWN.slice(1, 3)],
    ['by who may receive the data', { processorId: COMPUTE }, ['PROCESSOR SERVICE_PROVISION 4 2']],
    ['by both', { category: 'USAGE', purpose: 'RIGHTS_FULFILMENT' }, []],
  ])('%s', async (_name, filter, expected) => {
    expect(await short('staff', { accountId: world.ids.account, ...filter })).toEqual(expected)
    expect(await short('subject', filter)).toEqual(expected)
  })

  test.each<[string, object]>([
    ['accountId', { accountId: 'x' }],
    ['processorId', { processorId: 'x' }],
    ['purpose', { purpose: 'PROFIT' }],
  ])('and a %s that is none is refused', async (_name, filter) => {
    await expect(records('subject', filter)).rejects.toThrow('BAD_USER_INPUT')
  })
})

test('records come in pages of any size, each once', async () => {
  for (const first of [1, 2, 11]) {
    const seen: string[] = []
    for (let after: string | null = null; ; ) {
      const { data } = await world.ask('staff', RECORDS, { first, after })
      const { edges, pageInfo } = data.processingRecords
      for (const { node } of edges) seen.push(`${node.role} ${node.controllerId} ${node.purpose}`)
      if (!pageInfo.hasNextPage) break
      after = pageInfo.endCursor
    }
    // Five of the platform, four here, two in the other account.
    expect([seen.length, new Set(seen).size]).toEqual([11, 11])
  }
})

test('however many records a page has, it takes as many statements', async () => {
  const statements = watchStatements()
  const counts: Record<string, number> = {}
  const ask = async (name: string, who: Who | null, query: string, variables: object) => {
    statements.reset()
    expect((await world.ask(who, query, variables)).errors).toBeUndefined()
    counts[name] = statements.seen.length
  }
  await ask('one record', 'staff', RECORDS, { first: 1 })
  await ask('eleven records', 'staff', RECORDS, { first: 20 })
  await ask("an account's records", 'subject', RECORDS, { first: 20 })
  await ask('a document', 'staff', '{ processingRecordDocument(format: CSV) { body } }', {})
  await ask('the register', null, '{ processors { totalCount edges { node { name } } } }', {})
  statements.stop()
  // Three find out who calls and carry it, then: keys, groups, receipts, register, account and its key, systems, rules, epoch, keys.
  expect(counts).toEqual({
    'one record': 13,
    'eleven records': 13,
    "an account's records": 13,
    'a document': 15,
    'the register': 3,
  })
})

test.each([
  { first: 0 },
  { first: 101 },
  { after: 'x' },
  { after: Buffer.from('["X","y","Z"]').toString('base64url') },
])('a page of %j is refused in words', async (page) => {
  const query = `query($first: Int, $after: String) { processingRecords(first: $first, after: $after) { edges { cursor } } }`
  const { errors } = await world.ask('subject', query, page)
  expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
})

test.each(['MEMBER', 'END_USER', 'STAFF SUPPORT', 'PROCESSOR', 'GATEWAY'])('%s reads no records', async (name) => {
  await expect(records(as(name))).rejects.toThrow('FORBIDDEN')
  expect(await documentOf(as(name), 'CSV')).toBe('FORBIDDEN')
})

test("another account's records are answered like those of an account that is not there", async () => {
  const nowhere = globalId('Account', 'ffffffff-ffff-4fff-bfff-fffffffffff0')
  for (const accountId of [world.ids.otherAccount, nowhere]) {
    expect(await short('subject', { accountId })).toEqual([])
    expect(await documentOf('subject', 'HTML', accountId)).toBeNull()
  }
  expect(await documentOf('staff', 'CSV', nowhere)).toBeNull()
  expect(await documentOf('subject', 'CSV', PLATFORM)).toBeNull()
})

test('Staff that may not see persons is not told how many keys they have', async () => {
  const keys = async (who: Who) => {
    const [record] = await records(who, { accountId: world.ids.account, purpose: 'SERVICE_PROVISION' })
    const security = record?.['security'] as { livingDataKeys: number | null } | undefined
    return security?.livingDataKeys
  }
  expect([await keys('staff'), await keys(as('STAFF AUDITOR')), await keys('integration')]).toEqual([3, null, 3])
})

describe('a recipient', () => {
  let processorId: string
  const summary = async () => {
    const [record] = await records('subject', { purpose: 'USAGE_REPORTING' })
    const csv = await documentOf('subject', 'CSV')
    const html = await documentOf('subject', 'HTML')
    if (!record) throw new Error('no record')
    return {
      now: recipientNames(record.recipients),
      former: recipientNames(record.formerRecipients),
      received: record.recipients.edges.map(({ node }) => node.itemsReceived),
      csv: csv.body.includes('Tarn Reports (CA)'),
      html: html.body.includes('Tarn Reports'),
    }
  }

  test('is in query, CSV and HTML from the moment it stands in the register', async () => {
    expect(await summary()).toEqual({ now: [], former: [], received: [], csv: false, html: false })
    const added = await perform(world, 'staff', 'addProcessor', {
      name: 'Tarn Reports',
      role: 'PROCESSOR',
      country: 'CA',
      regions: ['ca-east'],
      categories: ['USAGE'],
      purposes: ['USAGE_REPORTING'],
      contractOn: '2026-01-02',
    })
    processorId = (added['processor'] as { id: string }).id
    expect(await summary()).toEqual({ now: ['Tarn Reports'], former: [], received: [0], csv: true, html: true })
  })

  test('is told apart when it really received something', async () => {
    const entry = { categories: ['USAGE'], processorId, purpose: 'USAGE_REPORTING', at: AT }
    const entries = [{ ...entry, subjectId: world.ids.endUser }, entry]
    expect(await perform(world, 'gateway', 'recordRecipient', { accountId: world.ids.account, entries })).toEqual({
      __typename: 'RecordRecipientSuccess',
      items: 2,
    })
    expect(await summary()).toMatchObject({ now: ['Tarn Reports'], received: [2] })
    const [record] = await records('subject', { processorId })
    expect(record?.recipients.edges[0]?.node).toMatchObject({ firstReceivedAt: AT, lastReceivedAt: AT, isAbroad: true })
    // Members are the platform's: nothing of theirs was received.
    const [platform] = await records('staff', { accountId: PLATFORM, purpose: 'USAGE_REPORTING' })
    expect(platform?.recipients.edges.map(({ node }) => [node.name, node.itemsReceived])).toEqual([['Tarn Reports', 0]])
  })

  test('that has ended is no recipient any more, and stands among the former for what it holds', async () => {
    await perform(world, 'staff', 'endProcessor', { processorId })
    expect(await summary()).toEqual({ now: [], former: ['Tarn Reports'], received: [], csv: true, html: true })
    const csv = await documentOf('subject', 'CSV')
    const [head = '', ...rows] = csv.body.trim().split('\r\n')
    const column = head.split(',').indexOf('former_recipients')
    const row = rows.find((each: string) => each.includes('USAGE_REPORTING'))?.split(',') ?? []
    expect(row[column]).toBe('Tarn Reports (CA)')
    expect(row[head.split(',').indexOf('recipients')]).toBe('')
    const [platform] = await records('staff', { accountId: PLATFORM, purpose: 'USAGE_REPORTING' })
    expect([platform?.recipients.edges, platform?.formerRecipients.edges]).toEqual([[], []])
    expect(platform?.['otherCountries']).toEqual([])
  })
})

describe('a document', () => {
  test('as a table has a row for each record', async () => {
    const { fileName, contentType, body } = await documentOf('otherSubject', 'CSV')
    expect([fileName, contentType]).toEqual(['records-of-processing-2026-03-15.csv', 'text/csv; charset=utf-8'])
    expect(body.split('\r\n')).toEqual([
      'date,article,role,processor,controller,controller_country,purpose,purpose_name,legal_bases,items,persons,kinds_of_persons,categories,kept_for,systems,recipients,received_by,former_recipients,recipients_in_other_countries,key_epoch_started_on,living_data_keys',
      "2026-03-15,GDPR Art. 30(2),PROCESSOR,Pipelet,Borealis Robotics,US,RIGHTS_FULFILMENT,Your rights,Contract (GDPR Art. 6(1)(b)),1,1,Customers' own users: 1,Account data: 1,Account data: Kept while the account is in use; deleted 30 days after it is closed.,Accounts and persons,,,,,2026-03-15,2",
      "2026-03-15,GDPR Art. 30(2),PROCESSOR,Pipelet,Borealis Robotics,US,SERVICE_PROVISION,Running the service,Contract (GDPR Art. 6(1)(b)),1,1,Customers' own users: 1,Account data: 1,Account data: Kept while the account is in use; deleted 30 days after it is closed.,Accounts and persons,Norrvik Compute (SE),,,Norrvik Compute (SE),2026-03-15,2",
      '',
    ])
  })

  test('as a page names its language, its controller and the law, and runs nothing', async () => {
    const { fileName, contentType, body } = await documentOf('subject', 'HTML')
    expect([fileName, contentType]).toEqual(['records-of-processing-2026-03-15.html', 'text/html; charset=utf-8'])
    expect(body).toContain('<html lang="en">')
    expect(body).toContain('<h1>Records of processing: Aster Analytics</h1>')
    expect(body).toContain('Art. 30(2)(a) to (d)')
    expect(body.match(/<h2 id="record-/g)).toHaveLength(4)
    expect(body).not.toMatch(/<script|<img|<link|src=|href=|javascript:/i)
    const german = (await documentOf('subject', 'HTML', null, 'de')).body
    expect(german).toContain('<html lang="de">')
    expect(german).toContain('Verzeichnis von Verarbeitungstätigkeiten: Aster Analytics')
    expect(german).toContain('Bezahlung')
  })

  test("of the platform is Staff's where no account is named", async () => {
    const { body } = await documentOf('staff', 'HTML')
    expect(body).toContain('<h1>Records of processing: Pipelet</h1>')
    expect(body).toContain('Art. 30(1)(a) to (g)')
    expect(await documentOf('staff', 'CSV', world.ids.account)).toEqual(await documentOf('subject', 'CSV'))
  })

  test('of an account without data says so', async () => {
    const { owner, accountId } = await openAccount(world)
    expect(await short(owner)).toEqual([])
    const csv = await documentOf(owner, 'CSV', accountId)
    expect(csv.body.trim().split('\r\n')).toHaveLength(1)
    const html = await documentOf(owner, 'HTML')
    expect(html.body).toContain('<h1>Records of processing: Carina Care</h1>')
    expect(html.body).toContain('No personal data is held for this controller.')
  })

  // OWASP, CSV Injection: cells that begin with =, +, -, @, tab or carriage return.
  test.each(['=cmd|calc!A0', '+1', '-2', '@SUM(1)', '\t=1'])(
    'defuses an account that calls itself %j',
    async (formula) => {
      const name = `${formula}<script>alert("1")</script>&'`
      const renamed = { accountId: world.ids.account, name }
      expect((await perform(world, 'subject', 'updateAccount', renamed)).__typename).toBe('UpdateAccountSuccess')
      const csv = (await documentOf('subject', 'CSV')).body
      const quoted = `"'${name.replaceAll('"', '""')}"`
      expect(csv.split(quoted)).toHaveLength(5)
      expect(csv.replaceAll(quoted, '')).not.toContain(formula)
      const html = (await documentOf('subject', 'HTML')).body
      expect(html).toContain(`${formula}&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;`)
      expect(html).not.toContain('<script')
    },
  )
})
