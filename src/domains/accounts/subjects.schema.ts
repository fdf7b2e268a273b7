import { type InputFields, mutation } from '../../schema/mutation.ts'
import { assertLength } from '../../schema/scalars.ts'
import { assertPlace, ownSubjectId, present, subjectField } from './accounts.fields.ts'
import { AccountNotActive, EmailTaken, NotAvailable, ReferenceTaken, SubjectErased } from './accounts.problems.ts'
import { createSubject, updateSubject } from './subject.service.ts'

const personFields = (t: InputFields) => ({
  name: t.string({ description: 'Name, 1 to 200 characters.' }),
  email: t.field({ type: 'EmailAddress', description: 'E-mail address.' }),
  country: t.field({ type: 'CountryCode', description: 'Where the person lives.' }),
  subdivision: t.string({ description: 'ISO 3166-2, in the country, e.g. US-CA.' }),
})

mutation('createSubject', {
  scope: 'subjects:write',
  description: "Creates a customer's own user in the caller's account.",
  problems: [NotAvailable, AccountNotActive, ReferenceTaken, EmailTaken],
  input: (t) => ({
    reference: t.string({ required: true, description: "The customer's reference of its user, 1 to 256 characters." }),
    ...personFields(t),
  }),
  run: async (deps, call, input) => {
    assertLength('reference', input.reference, 256)
    assertLength('name', input.name, 200)
    assertPlace(input)
    return createSubject(deps, call, { ...present(input), reference: input.reference })
  },
  success: (t) => ({ subject: subjectField(t) }),
})

mutation('updateSubject', {
  scope: 'subjects:write',
  description: "Corrects data of a person of the caller's account; what is absent stays, null clears.",
  problems: [NotAvailable, SubjectErased, ReferenceTaken, EmailTaken],
  input: (t) => ({
    subjectId: t.id({ required: true, description: 'The person.' }),
    reference: t.string({ description: "The customer's reference of its user, 1 to 256 characters." }),
    ...personFields(t),
  }),
  run: async (deps, call, input) => {
    assertLength('reference', input.reference, 256)
    assertLength('name', input.name, 200)
    assertPlace(input)
    return updateSubject(deps, call, { ...present(input), subjectId: ownSubjectId(call.caller, input.subjectId) })
  },
  success: (t) => ({ subject: subjectField(t) }),
})
