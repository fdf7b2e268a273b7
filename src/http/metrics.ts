import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of the wire, in a registry of their own. Labels come from closed lists and from the schema only. */
export type Metrics = {
  readonly registry: Registry
  /** Answers by status class (`2xx`). */
  readonly httpRequests: Counter<'status_class'>
  /** Operations by root field and outcome (`ok`, `error`). */
  readonly operations: Counter<'operation' | 'field' | 'outcome'>
  /** Seconds from arrival to the answer's first byte. */
  readonly operationSeconds: Histogram<'operation'>
  /** Requests refused for their number, by counter. */
  readonly rateLimited: Counter<'limiter'>
  /** Errors answered, by code. */
  readonly denials: Counter<'code'>
  /** Subscriptions that are open. */
  readonly streams: Gauge
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Makes the metrics. `processMetrics` adds memory, CPU and event loop of the process; default true. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (processMetrics) collectDefaultMetrics({ register: registry })
  return {
    registry,
    httpRequests: new Counter({
      name: 'http_requests_total',
      help: 'Answers by status class.',
      labelNames: ['status_class'],
      registers,
    }),
    operations: new Counter({
      name: 'graphql_operations_total',
      help: 'Operations by root field and outcome.',
      labelNames: ['operation', 'field', 'outcome'],
      registers,
    }),
    operationSeconds: new Histogram({
      name: 'graphql_operation_seconds',
      help: 'Seconds from arrival to answer.',
      labelNames: ['operation'],
      buckets: SECONDS,
      registers,
    }),
    rateLimited: new Counter({
      name: 'rate_limited_total',
      help: 'Requests refused for their number.',
      labelNames: ['limiter'],
      registers,
    }),
    denials: new Counter({ name: 'denials_total', help: 'Errors by code.', labelNames: ['code'], registers }),
    streams: new Gauge({ name: 'event_streams', help: 'Subscriptions that are open.', registers }),
  }
}

/** Counts an answer by its status. */
export function countAnswer(metrics: Metrics, status: number): void {
  metrics.httpRequests.inc({ status_class: `${Math.floor(status / 100)}xx` })
}
