/**
 * A customer's machine makes its own users known and finds them again by its own reference. Running it again changes
 * nothing: a user who is known already is told as a problem, and read instead.
 *
 * Run: PRIVACY_API_URL=… PRIVACY_API_CLIENT_ID=… PRIVACY_API_CLIENT_SECRET=… \
 *   npx node client/examples/deletion-integration.ts user-1 user-2
 */
import { createClient, PrivacyProblemError } from '@pipelet/privacy'

const references = process.argv.slice(2)
if (references.length === 0) throw new Error('Name the references of one user or more.')

const client = createClient()

for (const reference of references) {
  const result = await client.createSubject({ reference, country: 'DE' })
  switch (result.__typename) {
    case 'CreateSubjectSuccess':
      console.log(`${reference}: created`)
      break
    case 'ReferenceTaken':
      console.log(`${reference}: known already`)
      break
    default:
      throw new PrivacyProblemError(result)
  }
  const { edges } = await client.subjects({ filter: { reference }, first: 1 })
  const subject = edges[0]?.node
  if (!subject) throw new Error(`${reference} was not found`)
  console.log(`${reference}: ${subject.kind}, ${subject.status}, ${subject.country ?? 'no country'}`)
}
