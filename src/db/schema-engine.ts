import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import type { SchemaContainer, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'

const ENGINE = '@prisma/schema-engine-wasm/schema_engine_bg'

type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg')

/** The part of WebAssembly in use; TypeScript describes it only together with a browser's globals. */
type WasmHost = {
  WebAssembly: {
    instantiate(
      bytes: Uint8Array,
      imports: Record<string, object>,
    ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
  }
}
const host = globalThis as unknown as WasmHost

/** Where the process keeps its one engine. */
const LOADED = Symbol.for('pipelet-privacy.schema-engine')
const shared = globalThis as { [LOADED]?: Promise<EngineModule> }

/**
 * The engine's module, compiled once per process, also where this module is loaded twice (Vitest does, for each
 * project): its bindings speak to one instance only. Nothing is fetched: the WebAssembly lies in the package.
 */
function loadEngine(): Promise<EngineModule> {
  shared[LOADED] ??= (async () => {
    const bindings: EngineModule = await import(ENGINE)
    const wasm = await readFile(
      createRequire(import.meta.url)
        .resolve(ENGINE)
        .replace(/\.js$/, '.wasm'),
    )
    const instance = await host.WebAssembly.instantiate(wasm, { './schema_engine_bg.js': bindings })
    bindings.__wbg_set_wasm(instance.instance.exports)
    instance.instance.exports.__wbindgen_start()
    return bindings
  })()
  return shared[LOADED]
}

/**
 * Runs `use` with Prisma's own schema engine on the database behind `factory`. The engine and its connection end with it.
 * @param models the Prisma models the engine compares with; may be empty where nothing is compared.
 */
export async function withSchemaEngine<T>(
  factory: SqlMigrationAwareDriverAdapterFactory,
  models: readonly SchemaContainer[],
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine: Engine } = await loadEngine()
  const datamodels = models.map((file): [string, string] => [file.path, file.content])
  const options = { datamodels: datamodels.length > 0 ? datamodels : undefined }
  const connections: SqlDriverAdapter[] = []
  const tracked = trackConnections(factory, connections)
  const engine = await Engine.new(options, () => undefined, bindMigrationAwareSqlAdapterFactory(tracked))
  try {
    return await use(engine)
  } finally {
    engine.free()
    await Promise.all(connections.map((connection) => connection.dispose()))
  }
}

/** The engine leaves its main connection open, and on it an advisory lock: remember it, so that it can be ended. */
function trackConnections(
  factory: SqlMigrationAwareDriverAdapterFactory,
  connections: SqlDriverAdapter[],
): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connectToShadowDb: () => factory.connectToShadowDb(),
    connect: async () => {
      const connection = await factory.connect()
      connections.push(connection)
      return connection
    },
  }
}

/** Reads the Prisma models: `schema.prisma` and every file in `models/`, in order of name. */
export async function readModels(prismaDir: string): Promise<SchemaContainer[]> {
  const models = (await readdir(join(prismaDir, 'models'))).filter((name) => name.endsWith('.prisma')).sort()
  const paths = [join(prismaDir, 'schema.prisma'), ...models.map((name) => join(prismaDir, 'models', name))]
  return Promise.all(paths.map(async (path) => ({ path, content: await readFile(path, 'utf8') })))
}
