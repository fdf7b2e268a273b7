/**
 * A privacy centre's countdown: what is held of whoever is signed in, what for, on which ground, and until when.
 *
 * Run: PRIVACY_API_URL=… PRIVACY_API_TOKEN=… npx node client/examples/privacy-centre.ts de
 */
import { createClient, paginate } from '@pipelet/privacy'

const ITEMS_MAX = 1_000
const DAY_SECONDS = 86_400

const [language = 'en'] = process.argv.slice(2)

const client = createClient({ headers: { 'accept-language': language } })
const { subject } = await client.viewer()
if (!subject) throw new Error('The token is not a person’s.')

const items = await paginate((after) =>
  client.inventoryItems({ filter: { subjectId: subject.id }, first: 20, after }),
).toArray({ limit: ITEMS_MAX })

type Item = (typeof items)[number]

/** Until when it is kept, and how many days that is; states that are not known yet are told as they are. */
function countdownOf({ timer }: Item): string {
  const { state, dueAt, doneAt, remainingSeconds } = timer
  if (state === 'DONE') return `${state} ${doneAt?.slice(0, 10)}`
  if (state !== 'RUNNING' || dueAt === null || remainingSeconds === null) return state
  return `${state} ${dueAt.slice(0, 10)} (${Math.ceil(remainingSeconds / DAY_SECONDS)} d)`
}

for (const item of items) {
  const purposes = item.purposes.map(({ name }) => name).join(', ')
  console.log(`${item.category.name}: ${purposes} (${item.legalBasis.article})`)
  console.log(`  ${countdownOf(item)}  ${item.retention?.description ?? ''}`)
}
