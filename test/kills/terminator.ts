import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'

const { url, flags } = workerData as { readonly url: string; readonly flags: Int32Array<SharedArrayBuffer> }

const client = new pg.Client({ connectionString: url })
await client.connect()
parentPort?.postMessage('ready')
const asked = Atomics.waitAsync(flags, 0, 0)
if (asked.async) await asked.value
await client.query(
  `select pg_terminate_backend(pid) from pg_stat_activity
   where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`,
)
// A session is told to end, and ends soon after.
for (;;) {
  const { rows } = await client.query<{ left: number }>(
    `select count(*)::int as left from pg_stat_activity
     where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`,
  )
  if (rows[0]?.left === 0) break
}
Atomics.store(flags, 1, 1)
Atomics.notify(flags, 1)
await client.end()
