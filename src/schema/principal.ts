import { PrincipalKind as Principal } from '../generated/prisma/enums.ts'
import { builder } from './builder.ts'

/** Kinds of callers, as the schema names them. */
export const PrincipalEnum = builder.enumType(Principal, {
  name: 'PrincipalKind',
  description: 'Kinds of callers.',
  values: {
    ANONYMOUS: { description: 'No token.' },
    SUBJECT: { description: 'A person.' },
    INTEGRATION: { description: "A customer's machine." },
    PROCESSOR: { description: 'A vendor or a regional inference operator.' },
    STAFF: { description: "Pipelet's staff." },
    GATEWAY: { description: "Pipelet's inference gateway, batch worker or web edge." },
    SYSTEM: { description: 'A job or a command.' },
  },
})
