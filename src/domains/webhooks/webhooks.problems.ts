import { Problem } from '../problem.ts'

/** The account or processor has as many endpoints as it may have. */
export class TooManyWebhookEndpoints extends Problem {
  readonly code = 'WEBHOOK.TOO_MANY_ENDPOINTS'
  constructor() {
    super('There are 20 endpoints already; delete one first.')
  }
}

/** Nothing is sent to an endpoint that is disabled. */
export class WebhookEndpointDisabled extends Problem {
  readonly code = 'WEBHOOK.ENDPOINT_DISABLED'
  constructor() {
    super('The endpoint is disabled; make it active first.')
  }
}
