import { defineConfig } from 'prisma/config'

// `prisma generate` never starts the native schema engine, yet looks for one; naming any executable keeps it off the
// network. Migrations run on the engine's WebAssembly build (src/db/schema-engine.ts).
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

const ownerUrl = process.env['DATABASE_OWNER_URL']

export default defineConfig({
  schema: 'prisma',
  migrations: { path: 'prisma/migrations' },
  ...(ownerUrl ? { datasource: { url: ownerUrl } } : {}),
})
