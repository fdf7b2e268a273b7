import type { PrismaClient } from '../generated/prisma/client.ts'

/** The three ways the server signs in to the database. */
export type Login = 'app' | 'worker' | 'auth'

/** An open database of either kind. */
export type Backend = {
  readonly kind: 'pglite' | 'postgres'
  /** The client that speaks as `login`. On PGlite all three are the same client. */
  client(login: Login): PrismaClient
  /**
   * The role to take inside each transaction of `login`, or null where the connection itself already has it.
   * PGlite has one connection, opened as `privacy_app`; worker and auth take their role by transaction there.
   */
  roleOf(login: Login): string | null
  /** Ends all connections; open transactions are waited for. */
  close(): Promise<void>
}
