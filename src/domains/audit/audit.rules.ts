/** Every kind of audit event with its meaning. Kinds are never renamed; documents and filters are made from this list. */
export const AUDIT_KINDS = {
  'account.created': 'An account was created.',
  'account.updated': 'Name, country or region of an account was changed.',
  'account.closing': 'The closing of an account was begun.',
  'account.member_invited': 'A member was invited.',
  'account.member_joined': 'An invitation was taken up.',
  'account.member_role_changed': 'The account role of a member was changed.',
  'account.member_removed': 'A member was removed.',
  'account.invitations_revoked': 'Open invitations were revoked.',
  'subject.created': 'A subject was created.',
  'subject.updated': 'Data of a subject was corrected.',
  'subject.read_by_staff': 'A member of staff was shown personal data.',
  'client.created': 'An API client was created.',
  'client.updated': 'Label, scopes, allowed networks or public keys of an API client were changed.',
  'client.secret_rotated': 'An API client got another secret.',
  'client.disabled': 'An API client was disabled.',
  'staff.added': 'A member of staff was given access.',
  'processor.added': 'A processor was added to the register.',
  'processor.updated': 'What the register says of a processor was changed.',
  'processor.ended': 'A processor was ended: it receives nothing more, and its clients are shut out.',
  'recipient.recorded': 'Reports that processors received data were noted; the count says how many items.',
  'usage.recorded': 'Usage events were recorded; the count says how many.',
  'usage.import_opened': 'An import of usage from a file was opened.',
  'audit.export_requested': 'An export of audit events was requested.',
  'webhook.endpoint_created': 'A webhook endpoint was created.',
  'webhook.endpoint_updated': 'URL, label or kinds of a webhook endpoint were changed.',
  'webhook.endpoint_state_changed': 'A webhook endpoint was made active, paused or disabled.',
  'webhook.endpoint_deleted': 'A webhook endpoint was deleted with its deliveries.',
  'webhook.keys_rotated': 'A webhook endpoint was given new keys.',
  'webhook.test_sent': 'A test event for a webhook endpoint was made.',
  'webhook.redelivery_requested': 'Events were asked to be delivered again to a webhook endpoint.',
  'systems.imported': 'Systems and datasets were brought in from a manifest; the count says how many.',
  'inventory.reconciliation_requested': 'A comparison of the inventory with what the systems hold was requested.',
  'access.denied': 'Operations were refused for lack of a scope; the count says how many.',
} as const

/** The name of a kind of audit event. */
export type AuditKind = keyof typeof AUDIT_KINDS

/** Kinds of jobs that leave nothing to fetch: what they did is read elsewhere. */
export const JOBS_WITHOUT_RESULT: ReadonlySet<string> = new Set(['inventory.reconcile', 'webhooks.redeliver'])
