import {
  type CallOptions,
  createClient,
  isProblem,
  type PrivacyApiError,
  type PrivacyClient,
  paginate,
  type SubjectFieldsFragment,
  type TypedDocument,
  type UsageSummaryQuery,
} from '@pipelet/privacy'
import { SubjectDocument } from '@pipelet/privacy/documents'
import {
  verifyWebhook,
  type WebhookEvent,
  type WebhookRefusal,
  WebhookVerificationError,
} from '@pipelet/privacy/webhooks'
import { createTestWebhook } from '@pipelet/privacy/webhooks/testing'

type Settings = { url: string; token: string; gatewayToken: string; accountId: string; subjectId: string }
type Row = UsageSummaryQuery['usageSummary']['edges'][number]['node']

/** A customer's program: uses the package as its types say, and returns what it saw. */
export async function run(settings: Settings) {
  const { url, token, accountId, subjectId } = settings
  const client: PrivacyClient = createClient({ url, token, timeoutSeconds: 20 })
  const gateway = createClient({ url, token: async () => settings.gatewayToken })

  const recorded = await gateway.recordUsage({
    accountId,
    events: [
      {
        occurredAt: new Date('2026-03-15T11:30:00Z'),
        requestId: 'consumer-1',
        kind: 'INFERENCE',
        model: 'm/consumer',
        endpointKind: 'SERVERLESS',
        inputTokens: 5,
        outputTokens: 2,
      },
    ],
  })
  const events = recorded.__typename === 'RecordUsageSuccess' ? recorded.recorded.events : recorded.code

  const options: CallOptions = { timeoutSeconds: 10, signal: AbortSignal.timeout(10_000) }
  const filter = { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z', model: 'm/consumer' }
  const rows: Row[] = await paginate((after) =>
    client.usageSummary({ filter, bucket: 'HOUR', groupBy: ['MODEL'], after }, options),
  ).toArray({ limit: 10 })

  const { subject } = await client.request(SubjectDocument, { id: subjectId })
  const name: SubjectFieldsFragment['name'] | undefined = subject?.name
  const own = 'query($id: ID!) { account(id: $id) { region } }' as TypedDocument<
    { account: { region: string } | null },
    { id: string }
  >
  const { account } = await client.request(own, { id: accountId })

  const keys = `whsec_${btoa('x'.repeat(32))}`
  const webhook = await createTestWebhook({ type: 'subject.created', data: { subjectId }, keys })
  const { headers } = webhook
  const body = await webhook.text()
  const event: WebhookEvent = await verifyWebhook({ headers, body, keys })
  const tampered: WebhookRefusal | 'none' = await verifyWebhook({ headers, body: `${body} `, keys }).then(
    () => 'none',
    (error: unknown) => (error instanceof WebhookVerificationError ? error.reason : 'none'),
  )

  const refused = await gateway.subjects().catch((error: PrivacyApiError) => error.code)
  const problem = await client.changeMemberRole({ subjectId, role: 'MEMBER' })
  return {
    events,
    rows: rows.map(({ bucketStart, model, requests }) => [bucketStart, model, requests]),
    name,
    region: account?.region,
    refused,
    event: event.type === 'subject.created' ? event.data.subjectId === subjectId : null,
    tampered,
    problem: isProblem(problem) ? problem.code : 'none',
  }
}
