import { DataCategory, InventoryState, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'

builder.enumType(DataCategory, {
  name: 'DataCategory',
  description: 'Kinds of personal data.',
  values: {
    ACCOUNT: { description: 'Name, e-mail address, reference, and how a person signs in.' },
    CONTENT_REALTIME: { description: 'Prompts and outputs of real-time inference; never stored.' },
    CONTENT_BATCH: { description: 'What went into batch processing, and what came out.' },
    PAYMENT: { description: 'Records of payments; no card numbers.' },
    USAGE: { description: 'Which requests were made, when and from what device; never content.' },
    COMMUNICATION: { description: 'Messages to support, sales and feedback.' },
    COOKIE: { description: 'Identifiers and choices kept on a device.' },
    CONSENT: { description: 'What a person agreed to, refused or withdrew, with the evidence.' },
    SECURITY: { description: 'What is kept to prevent abuse.' },
  },
})
builder.enumType(Purpose, {
  name: 'Purpose',
  description: 'What personal data is used for.',
  values: {
    SERVICE_PROVISION: { description: 'Running the service that was asked for.' },
    AUTHENTICATION: { description: 'Making sure who signs in.' },
    PAYMENT_PROCESSING: { description: 'Billing, and taking payments.' },
    SECURITY: { description: 'Protecting the service and those who use it.' },
    FRAUD_PREVENTION: { description: 'Finding and stopping fraud and abuse.' },
    CUSTOMER_SUPPORT: { description: 'Answering messages.' },
    SERVICE_NOTIFICATIONS: { description: 'Messages that the service needs, e.g. of a change; no advertising.' },
    USAGE_REPORTING: { description: 'Reports of how much was used.' },
    SERVICE_IMPROVEMENT: { description: 'Making the service better.' },
    RIGHTS_FULFILMENT: { description: 'Answering requests of persons about their data.' },
    LEGAL_COMPLIANCE: { description: 'What a law demands.' },
  },
})
builder.enumType(LegalBasis, {
  name: 'LegalBasis',
  description: 'On which ground processing is lawful (GDPR Art. 6(1)).',
  values: {
    CONSENT: { description: 'The person agreed: Art. 6(1)(a).' },
    CONTRACT: { description: 'A contract with the person needs it: Art. 6(1)(b).' },
    LEGAL_OBLIGATION: { description: 'A law demands it: Art. 6(1)(c).' },
    VITAL_INTERESTS: { description: 'It protects a life: Art. 6(1)(d).' },
    PUBLIC_TASK: { description: 'A task in the public interest needs it: Art. 6(1)(e).' },
    LEGITIMATE_INTERESTS: { description: 'Legitimate interests that outweigh those of the person: Art. 6(1)(f).' },
  },
})
builder.enumType(InventoryState, {
  name: 'InventoryState',
  description: 'What has become of a piece of personal data.',
  values: {
    LIVE: { description: 'Held, and used for its purposes.' },
    HELD: { description: 'Kept beyond its time by a legal hold.' },
    RESTRICTED: { description: 'Stored only (GDPR Art. 18).' },
    ERASED: { description: 'Erased.' },
    ANONYMISED: { description: 'No longer about a person.' },
  },
})
