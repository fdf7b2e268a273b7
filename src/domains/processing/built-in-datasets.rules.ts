import { z } from 'zod'
import datasetRows from '../../../prisma/reference/built-in-datasets.json' with { type: 'json' }

const tableShape = z.strictObject({
  /** With its schema, e.g. `public.subject`. */
  name: z.string().regex(/^[a-z]+\.[a-z_]+$/),
  /** Columns in their order, each with its data categories of fideslang; none where none applies. */
  columns: z.record(z.string().regex(/^[a-z_]+$/), z.array(z.string().min(1))),
})
const fileShape = z.strictObject({
  source: z.string().min(1),
  verifiedOn: z.iso.date(),
  verified: z.boolean(),
  note: z.string().min(1),
  systems: z.array(z.strictObject({ key: z.string().min(1), tables: z.array(tableShape).min(1) })),
})

/** A table of this program as Fides is told of it. */
export type BuiltInTable = Readonly<z.infer<typeof tableShape>>

const TABLES: ReadonlyMap<string, readonly BuiltInTable[]> = new Map(
  fileShape.parse(datasetRows).systems.map(({ key, tables }) => [key, tables]),
)

/** Every system of this program that has tables, by its key. */
export const BUILT_IN_SYSTEMS: readonly string[] = [...TABLES.keys()]

/** The tables of a system of this program; none where the key is of no such. */
export function tablesOf(system: string): readonly BuiltInTable[] {
  return TABLES.get(system) ?? []
}
