import { DataCategory, SystemKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import type { Context } from '../../schema/types.ts'
import { type BodyField, bodyKeyRows, openBody } from './declaration-bodies.ts'
import type { Body } from './fides-shape.rules.ts'
import { datasetScope, systemScope } from './processing.scope.ts'

builder.enumType(SystemKind, {
  name: 'SystemKind',
  description: 'What kind of place a system is.',
  values: {
    DATABASE: { description: 'A database.' },
    OBJECT_STORE: { description: 'A store of files.' },
    SERVICE: { description: 'A service that others call.' },
    INFERENCE_CLUSTER: { description: 'Machines that run models.' },
    APPLICATION: { description: 'An application that persons use.' },
    OTHER: { description: 'None of these.' },
  },
})

type Sealed = { readonly accountId: string; readonly bodyCipher: Uint8Array | null }
const opened = new WeakMap<object, Promise<Body | null>>()

/** What a team declared, opened once for all fields of a row. */
function bodyOf(row: Sealed, field: BodyField, { deps, reads }: Context): Promise<Body | null> {
  const { accountId, bodyCipher } = row
  if (!bodyCipher) return Promise.resolve(null)
  const known = opened.get(row)
  if (known) return known
  const body = bodyKeyRows(reads, accountId).then((rows) => openBody(deps.keys, rows, accountId, field, bodyCipher))
  opened.set(row, body)
  return body
}

const textOf = (body: Body | null, key: string) => (typeof body?.[key] === 'string' ? body[key] : null)
const listOf = <T>(body: Body | null, key: string) => (body?.[key] ?? []) as readonly T[]

export const SystemNode = builder.prismaNode('System', {
  nullable: true,
  description: 'A place where personal data rests or through which it passes: of this program, or declared by a team.',
  id: { resolve: (system) => tenantKey(system) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [systemScope(context.session)],
  }),
  fields: (t) => ({
    accountId: t.id({
      description: 'Global id of the account that declared it; the platform for those of this program.',
      resolve: (system) => globalId('Account', system.accountId),
    }),
    key: t.exposeString('key', { description: 'Unique in its account; the `fides_key` of a manifest.' }),
    name: t.string({
      nullable: true,
      description: 'Its name; null where the manifest has none or its key was destroyed.',
      resolve: async (system, _args, context) =>
        system.builtIn ? system.name : textOf(await bodyOf(system, 'system.body', context), 'name'),
    }),
    description: t.string({
      nullable: true,
      description: 'What it is, in the words of the manifest; null where there are none.',
      resolve: async (system, _args, context) => textOf(await bodyOf(system, 'system.body', context), 'description'),
    }),
    kind: t.expose('kind', { type: SystemKind, description: 'What kind of place it is.' }),
    builtIn: t.exposeBoolean('builtIn', {
      description: 'Whether it is of this program, which locates, exports and erases what it holds.',
    }),
    categories: t.expose('categories', {
      type: [DataCategory],
      description: 'Categories of personal data that it holds, as far as they are known.',
    }),
    processorId: t.id({
      nullable: true,
      description: 'Global id of the processor that runs it; null where none is named.',
      resolve: ({ processorHomeId, processorId }) =>
        processorHomeId !== null && processorId !== null
          ? globalId('Processor', tenantKey({ accountId: processorHomeId, id: processorId }))
          : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it became known.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last declared anew.' }),
  }),
})

const FieldObject = builder.objectRef<Body>('DatasetField')
FieldObject.implement({
  description: 'A field of a collection: a column, or a key of a document.',
  fields: (t) => ({
    name: t.string({ description: 'Its name.', resolve: (field) => textOf(field, 'name') ?? '' }),
    description: t.string({
      nullable: true,
      description: 'What it holds, in words; null where there are none.',
      resolve: (field) => textOf(field, 'description'),
    }),
    dataCategories: t.stringList({
      description: 'Data categories of fideslang.',
      resolve: (field) => [...listOf<string>(field, 'data_categories')],
    }),
    fields: t.field({
      type: [FieldObject],
      description: 'Fields nested in it.',
      resolve: (field) => [...listOf<Body>(field, 'fields')],
    }),
  }),
})

const CollectionObject = builder.objectRef<Body>('DatasetCollection').implement({
  description: 'A collection of a dataset: a table, or a kind of documents.',
  fields: (t) => ({
    name: t.string({ description: 'Its name.', resolve: (collection) => textOf(collection, 'name') ?? '' }),
    description: t.string({
      nullable: true,
      description: 'What it holds, in words; null where there are none.',
      resolve: (collection) => textOf(collection, 'description'),
    }),
    dataCategories: t.stringList({
      description: 'Data categories of fideslang that all of it has.',
      resolve: (collection) => [...listOf<string>(collection, 'data_categories')],
    }),
    fields: t.field({
      type: [FieldObject],
      description: 'Its fields.',
      resolve: (collection) => [...listOf<Body>(collection, 'fields')],
    }),
  }),
})

export const DatasetNode = builder.prismaNode('Dataset', {
  nullable: true,
  description: 'What a store of a team holds, field by field, as its manifest declares it.',
  id: { resolve: (dataset) => tenantKey(dataset) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [datasetScope(context.session)],
  }),
  fields: (t) => {
    const text = (key: 'name' | 'description', description: string) =>
      t.string({
        nullable: true,
        description: `${description}; null where the manifest has none or its key was destroyed.`,
        resolve: async (dataset, _args, context) => textOf(await bodyOf(dataset, 'dataset.body', context), key),
      })
    return {
      accountId: t.id({
        description: 'Global id of the account that declared it.',
        resolve: (dataset) => globalId('Account', dataset.accountId),
      }),
      key: t.exposeString('key', { description: 'Unique in its account; the `fides_key` of a manifest.' }),
      name: text('name', 'Its name'),
      description: text('description', 'What it is, in words'),
      fieldCount: t.exposeInt('fieldCount', { description: 'Number of its fields, nested ones too.' }),
      dataCategories: t.stringList({
        description: 'Data categories of fideslang that all of it has.',
        resolve: async (dataset, _args, context) => [
          ...listOf<string>(await bodyOf(dataset, 'dataset.body', context), 'data_categories'),
        ],
      }),
      collections: t.field({
        type: [CollectionObject],
        description: 'Its collections; none where its key was destroyed.',
        resolve: async (dataset, _args, context) => [
          ...listOf<Body>(await bodyOf(dataset, 'dataset.body', context), 'collections'),
        ],
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first brought in.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last brought in.' }),
    }
  },
})
