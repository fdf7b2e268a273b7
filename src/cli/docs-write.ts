import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { authorizationPage } from './docs/authorization-page.ts'
import { errorsPage } from './docs/errors-page.ts'
import { eventsPage } from './docs/events-page.ts'

for (const [name, text] of [
  ['authorization.md', authorizationPage()],
  ['errors.md', errorsPage()],
  ['events.md', eventsPage()],
] as const) {
  await writeFile(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), text)
  console.log(`docs/${name} is up to date`)
}
