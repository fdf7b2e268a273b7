import { FIRST_QUERIES, writeDemoFile } from './demo/demo-tokens.ts'
import { readServerEnv } from './env.ts'
import { StartEndedError } from './erasures.ts'
import { openResources } from './resources.ts'
import { startServer } from './server.ts'

/** Starts server and worker in one process, and stops both gracefully on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const env = readServerEnv()
  const resources = await openResources()
  const ending = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.abort())
  const server = await startServer({ resources, env, signal: ending.signal }).catch(async (error: unknown) => {
    await resources.close()
    throw error
  })
  const stop = () => void server.stop().then(() => process.exit(0))
  if (ending.signal.aborted) return stop()
  ending.signal.addEventListener('abort', stop)
  // Written before the line below, so that who waits for that line finds the file.
  const path = server.demo && (await writeDemoFile(resources.dataDir, server.demo))
  console.log(`Listening on ${server.url}/graphql`)
  if (!server.demo) return
  console.log(`Demo data: tokens for each kind of caller are in ${path}, good for 12 hours.`)
  for (const [principal, query] of Object.entries(FIRST_QUERIES)) {
    const token = server.demo.tokens[principal as keyof typeof FIRST_QUERIES]
    console.log(`\n# a first query as ${principal}\ncurl -s ${server.demo.url} -H 'content-type: application/json' \\`)
    console.log(`  -H 'authorization: Bearer ${token}' \\\n  -d '${JSON.stringify({ query })}'`)
  }
}

main().catch((error: unknown) => {
  if (error instanceof StartEndedError) process.exit(0)
  console.error(error instanceof Error ? error.message : 'The server did not start.')
  process.exit(1)
})
