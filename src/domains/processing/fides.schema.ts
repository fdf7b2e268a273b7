import { builder } from '../../schema/builder.ts'
import { globalId } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { AccountNotActive, NotAvailable } from '../accounts/accounts.problems.ts'
import { type FidesFault, FidesNotValid, FidesTooMuch } from './fides.problems.ts'
import { type ImportCount, importFidesManifest } from './fides.service.ts'
import { MANIFEST_BYTES_MAX } from './fides-yaml.rules.ts'

const UNKNOWN_SHOWN_MAX = 1_000

const FaultObject = builder.objectRef<FidesFault>('FidesFault').implement({
  description: 'Something that is wrong with a manifest.',
  fields: (t) => ({
    path: t.exposeString('path', {
      description: 'Where, e.g. `dataset[0].collections[2].fields[1].name`; empty where it is the text as a whole.',
    }),
    reason: t.exposeString('reason', { description: 'Why, without the value.' }),
  }),
})

problemType(FidesNotValid, 'The manifest does not have the shape of fideslang; nothing of it was stored.', (t) => ({
  path: t.string({ description: 'Where the first fault is.', resolve: ({ faults }) => faults[0].path }),
  reason: t.string({ description: 'Why, without the value.', resolve: ({ faults }) => faults[0].reason }),
  faults: t.field({
    type: [FaultObject],
    description: 'All faults in their order, 100 at most.',
    resolve: ({ faults }) => [...faults],
  }),
}))
problemType(FidesTooMuch, 'With the manifest, the account would hold more declarations than it may.')

const CountObject = builder.objectRef<ImportCount>('FidesImportCount').implement({
  description: 'How many rows an import made and replaced.',
  fields: (t) => ({
    created: t.exposeInt('created', { description: 'Made.' }),
    updated: t.exposeInt('updated', { description: 'Replaced.' }),
  }),
})
const UnknownTaxonomyKeyObject = builder
  .objectRef<{ readonly path: string; readonly key: string }>('FidesUnknownTaxonomyKey')
  .implement({
    description: "A key that fideslang's taxonomy does not have, and that lies below none of its keys.",
    fields: (t) => ({
      path: t.exposeString('path', { description: 'Where it stands.' }),
      key: t.exposeString('key', { description: 'The key.' }),
    }),
  })

mutation('importFidesManifest', {
  scope: 'systems:manage',
  description:
    "Brings in systems and datasets from a manifest of Fides: into the caller's account, for Staff into the platform's. All of it or nothing. What has a key that is there is replaced; entries of this program, as an export shows them, are left alone.",
  problems: [FidesNotValid, FidesTooMuch, NotAvailable, AccountNotActive],
  input: (t) => ({
    yaml: t.string({
      required: true,
      description:
        'YAML 1.2 with the lists `system` and `dataset` of fideslang, 256 kB at most; no anchors, aliases, tags or directives.',
    }),
    dryRun: t.boolean({ description: 'True: nothing is stored, and the answer is the same. Default false.' }),
  }),
  readsBack: false,
  run: async (deps, call, input) => {
    if (Buffer.byteLength(input.yaml) > MANIFEST_BYTES_MAX)
      throw badInput('yaml', `must have at most ${MANIFEST_BYTES_MAX} bytes`)
    const dryRun = input.dryRun ?? false
    return { dryRun, ...(await importFidesManifest(deps, call, { yaml: input.yaml, dryRun })) }
  },
  success: (t) => ({
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: ({ outcome }) => globalId('Account', outcome.accountId),
    }),
    dryRun: t.exposeBoolean('dryRun', { description: 'Whether nothing was stored, as it was asked for.' }),
    systems: t.field({ type: CountObject, description: 'Systems.', resolve: ({ outcome }) => outcome.systems }),
    datasets: t.field({ type: CountObject, description: 'Datasets.', resolve: ({ outcome }) => outcome.datasets }),
    fields: t.int({
      description: 'Fields of all datasets, nested ones too.',
      resolve: ({ outcome }) => outcome.fields,
    }),
    builtIn: t.int({
      description: 'Entries of this program that were left alone.',
      resolve: ({ manifest }) => manifest.builtIn,
    }),
    unknownKeyCount: t.int({
      description: 'How many keys fideslang does not know; they were left out.',
      resolve: ({ manifest }) => manifest.unknownKeys.length,
    }),
    unknownKeys: t.stringList({
      description: `Their paths, e.g. \`dataset[0].retention\`, ${UNKNOWN_SHOWN_MAX} at most.`,
      resolve: ({ manifest }) => manifest.unknownKeys.slice(0, UNKNOWN_SHOWN_MAX),
    }),
    unknownTaxonomyKeys: t.field({
      type: [UnknownTaxonomyKeyObject],
      description: `Keys that the taxonomy does not have; they were kept. ${UNKNOWN_SHOWN_MAX} at most.`,
      resolve: ({ manifest }) => manifest.unknownTaxonomyKeys.slice(0, UNKNOWN_SHOWN_MAX),
    }),
  }),
})
