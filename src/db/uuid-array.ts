import { Prisma } from '../generated/prisma/client.ts'

/**
 * Ids as one parameter of type `uuid[]`, written by hand: what the driver does for each element costs more than reading
 * them does. @throws what the database says of an id that is none
 */
export const uuidArray = (ids: readonly string[]): Prisma.Sql => Prisma.sql`${`{${ids.join(',')}}`}::uuid[]`
