/**
 * Follows the feed of an account from where it was left off, and remembers how far it came in a file. Killed and started
 * again, it misses nothing; an event whose place was not yet written is done twice, so `handle` must bear that.
 *
 * Run: PRIVACY_API_URL=… PRIVACY_API_CLIENT_ID=… PRIVACY_API_CLIENT_SECRET=… \
 *   npx node client/examples/follow-events.ts place.txt
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createClient, type FollowEventsSubscription, PrivacyApiError, paginate } from '@pipelet/privacy'

const [file] = process.argv.slice(2)
if (!file) throw new Error('Name the file that holds how far the feed was read.')

const client = createClient()
const controller = new AbortController()
process.on('SIGTERM', () => controller.abort())

type Event = FollowEventsSubscription['events']

function handle(event: Event): void {
  console.log(`${event.sequence} ${event.kind} ${event.__typename}`)
}

function remember(cursor: string): void {
  writeFileSync(`${file}.new`, cursor)
  renameSync(`${file}.new`, file as string)
}

let after = existsSync(file) ? readFileSync(file, 'utf8') : undefined
try {
  // What is there already, in pages; then what comes.
  for await (const event of paginate((cursor) => client.events({ first: 100, after: cursor ?? after }))) {
    handle(event)
    after = event.cursor
    remember(after)
  }
  for await (const event of client.followEvents({ after }, { signal: controller.signal })) {
    handle(event)
    remember(event.cursor)
  }
} catch (error) {
  if (!(error instanceof PrivacyApiError) || error.code !== 'CURSOR_EXPIRED') throw error
  console.log(`Read too late; what is still there begins after ${error.details['oldestCursor']}`)
  process.exitCode = 1
}
