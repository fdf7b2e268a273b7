import { type ExecutionArgs, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql'
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import { recordAudit } from './domains/audit/audit.service.ts'
import type { Deps } from './domains/deps.ts'
import type { Live } from './domains/live.ts'
import type { WireContext } from './http/authentication.ts'
import { callerQuotaOf } from './http/caller-quota.ts'
import { type WireOptions, wireYogaOptions } from './http/yoga-plugins.ts'
import { buildSchema } from './schema/index.ts'
import { OperationReads } from './schema/operation-reads.ts'
import { recogniseError } from './schema/refusals.ts'
import type { Context } from './schema/types.ts'

/** What the application is made of. */
export type AppOptions = {
  readonly deps: Deps
  readonly live: Live
  readonly refresh: Context['refresh']
  readonly wire: Omit<WireOptions, 'recognise' | 'clock'>
  /** Default: the whole schema. */
  readonly schema?: GraphQLSchema
}

/** The GraphQL application. Never listens, never reads the environment. */
export function createApp(options: AppOptions): YogaServerInstance<object, Context> {
  const { deps, live, refresh } = options
  const wire = wireYogaOptions({ ...options.wire, clock: deps.clock, recognise: recogniseError })
  const quotaOf = (name: string) => callerQuotaOf(options.wire.rateLimits, name, deps.clock.now())
  const context = (initial: object): Pick<Context, 'deps' | 'reads' | 'live' | 'refresh' | 'quotaOf'> => {
    const { session, requestId } = initial as WireContext
    const reads = new OperationReads(deps.db, session, (tx, seen) =>
      recordAudit(
        tx,
        deps.clock,
        { caller: session, requestId },
        ...seen.map(({ accountId, subjectId, recordType, recordId }) => ({
          accountId,
          kind: 'subject.read_by_staff' as const,
          subjectId,
          recordType,
          recordIds: [recordId],
        })),
      ),
    )
    return { deps, reads, live, refresh, quotaOf }
  }
  return createYoga({
    ...wire,
    schema: options.schema ?? buildSchema(),
    context: context as never,
    plugins: [...wire.plugins, useOperationReads()] as Plugin[],
  }) as unknown as YogaServerInstance<object, Context>
}

/**
 * Runs each operation with its one read transaction: opened before a query that reads, closed before the answer
 * leaves. When the closing fails (the audit of what Staff saw is part of it), so does the operation. A subscription has
 * none: its events are read before, each batch in a transaction of its own, and its fields read nothing.
 */
function useOperationReads(): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => {
        const { reads } = args.contextValue as Context
        try {
          if (readsData(args)) await reads.open()
          return await executeFn(args)
        } finally {
          await reads.close()
        }
      })
    },
  }
}

/** Whether a query selects anything but introspection. */
function readsData({ document, operationName }: ExecutionArgs): boolean {
  const operations = document.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  )
  const operation = operationName ? operations.find((each) => each.name?.value === operationName) : operations[0]
  return (
    operation?.operation === 'query' &&
    operation.selectionSet.selections.some(
      (selection) => selection.kind !== Kind.FIELD || !selection.name.value.startsWith('__'),
    )
  )
}
