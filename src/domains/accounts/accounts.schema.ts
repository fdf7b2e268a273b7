import { AccountRole } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { assertLength } from '../../schema/scalars.ts'
import { createAccount, updateAccount } from './account.service.ts'
import { closeAccount, reopenAccount } from './account-closing.service.ts'
import { accountField, assertRegion, ownSubjectId, present, subjectField, subjectGlobalId } from './accounts.fields.ts'
import * as problems from './accounts.problems.ts'
import './accounts.queries.ts'
import { SubjectNode } from './accounts.types.ts'
import { acceptInvitation } from './invitation.service.ts'
import { changeMemberRole, codeOfInvitation, inviteMember, removeMember } from './member.service.ts'

const {
  AccountNotActive,
  AccountNotClosing,
  AccountNotReopenable,
  ClientAuthenticationDiffers,
  ClientDisabled,
  ClientKeysNotValid,
  ClientNetworksNotValid,
  ClientRotationRunning,
  ClientScopeNotAllowed,
  EmailTaken,
  InvitationNotValid,
  LastOwner,
  MemberExists,
  NotAvailable,
  ReferenceTaken,
  RoleNotAllowed,
  StepUpRequired,
  SubjectErased,
} = problems

problemType(NotAvailable, 'The record does not exist or is not reachable for this caller; both are told alike.')
problemType(AccountNotActive, 'The account is closing or closed and takes no new data.')
problemType(AccountNotClosing, 'The account is not being closed: there is nothing to take back.')
problemType(
  AccountNotReopenable,
  'The account is closed, or the time in which its closing could be taken back (`closing.reopenUntil`) is over.',
)
problemType(MemberExists, 'The e-mail address belongs to a member of the account.')
problemType(RoleNotAllowed, 'Only an owner may give or take the role OWNER.')
problemType(LastOwner, 'An account keeps at least one owner who has joined.')
problemType(
  InvitationNotValid,
  'The invitation is unknown, used, revoked, past its time, or for another verified address.',
)
problemType(
  StepUpRequired,
  'The person must sign in again by hand (RFC 9470); a sign-in of the last 5 minutes is needed.',
)
problemType(ReferenceTaken, "Another subject of the account has this customer's reference.")
problemType(EmailTaken, 'Another subject of the account has this e-mail address.')
problemType(SubjectErased, 'The subject is being erased or has been: nothing is written about it.')
problemType(ClientScopeNotAllowed, 'A client of this kind cannot hold one of the scopes.')
problemType(ClientNetworksNotValid, 'A network is not in CIDR notation, or there are more than 20.')
problemType(ClientDisabled, 'The client is disabled and is not changed any more.')
problemType(
  ClientAuthenticationDiffers,
  'A secret cannot be rotated where there are keys, nor keys replaced where there is a secret.',
)
problemType(ClientRotationRunning, 'The secret before is still good; a rotation would end it early.')
problemType(ClientKeysNotValid, 'The key set is not one of 1 to 10 public signing keys.')

const OwnerInput = builder.inputType('OwnerInput', {
  description: 'The first owner of an account.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name, 1 to 200 characters.' }),
    email: t.field({
      type: 'EmailAddress',
      required: true,
      description: 'E-mail address that the issuer will vouch for.',
    }),
  }),
})

mutation('createAccount', {
  scope: 'accounts:create',
  description: 'Creates an account and invites its first owner. For Staff.',
  problems: [NotAvailable],
  input: (t) => ({
    name: t.string({ required: true, description: 'Name of the organisation, 1 to 200 characters.' }),
    country: t.field({ type: 'CountryCode', required: true, description: 'Where the customer is established.' }),
    region: t.string({ required: true, description: 'Where its data is processed; matches [a-z0-9-]{1,32}.' }),
    owner: t.field({ type: OwnerInput, required: true, description: 'Its first owner.' }),
  }),
  run: async (deps, call, input) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    assertLength('name', input.name, 200)
    assertLength('owner.name', input.owner.name, 200)
    assertRegion(input.region)
    return createAccount(deps, call, input)
  },
  success: (t) => ({
    account: accountField(t),
    invitationCode: t.string({
      description: 'What the owner takes the invitation up with; hand it over by a way of your own.',
      resolve: ({ accountId, invitationId }, _args, { deps }) => codeOfInvitation(deps, accountId, invitationId),
    }),
  }),
})

mutation('updateAccount', {
  scope: 'accounts:manage',
  description: 'Changes name, country or region of an account; what is absent stays.',
  problems: [NotAvailable, AccountNotActive],
  input: (t) => ({
    accountId: t.id({ required: true, description: 'The account.' }),
    name: t.string({ description: 'Name of the organisation, 1 to 200 characters.' }),
    country: t.field({ type: 'CountryCode', description: 'Where the customer is established.' }),
    region: t.string({ description: 'Where its data is processed; matches [a-z0-9-]{1,32}.' }),
  }),
  run: async (deps, call, input) => {
    assertLength('name', input.name, 200)
    assertRegion(input.region)
    return updateAccount(deps, call, { ...present(input), accountId: readAccountId('accountId', input.accountId) })
  },
  success: (t) => ({ account: accountField(t) }),
})

mutation('closeAccount', {
  scope: 'accounts:manage',
  description: 'Begins to close an account. An owner must have signed in by hand within 5 minutes.',
  problems: [NotAvailable, AccountNotActive, StepUpRequired],
  input: (t) => ({ accountId: t.id({ required: true, description: 'The account.' }) }),
  run: async (deps, call, input) =>
    closeAccount(deps, call, { accountId: readAccountId('accountId', input.accountId) }),
  success: (t) => ({ account: accountField(t) }),
})

mutation('reopenAccount', {
  scope: 'accounts:manage',
  description:
    'Takes the closing of an account back, until `closing.reopenUntil`: timers that it started stop or go back to their own date. Open invitations that it revoked stay revoked. An owner must have signed in by hand within 5 minutes.',
  problems: [NotAvailable, AccountNotClosing, AccountNotReopenable, StepUpRequired],
  input: (t) => ({ accountId: t.id({ required: true, description: 'The account.' }) }),
  run: async (deps, call, input) =>
    reopenAccount(deps, call, { accountId: readAccountId('accountId', input.accountId) }),
  success: (t) => ({ account: accountField(t) }),
})

mutation('inviteMember', {
  scope: 'members:manage',
  description:
    "Invites a member into the caller's account, for 7 days. An open invitation of the same person is replaced.",
  problems: [NotAvailable, AccountNotActive, MemberExists, RoleNotAllowed],
  input: (t) => ({
    name: t.string({ required: true, description: 'Name, 1 to 200 characters.' }),
    email: t.field({
      type: 'EmailAddress',
      required: true,
      description: 'E-mail address that the issuer will vouch for.',
    }),
    role: t.field({ type: AccountRole, required: true, description: 'What the member may do.' }),
  }),
  run: async (deps, call, input) => {
    assertLength('name', input.name, 200)
    return inviteMember(deps, call, input)
  },
  success: (t) => ({
    subject: t.prismaField({
      type: SubjectNode,
      description: 'The invited person.',
      resolve: (query, { accountId, subjectId }, _args, { reads }) =>
        reads.tx.subject.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id: subjectId } } }),
    }),
    invitationCode: t.string({
      description: 'What the member takes the invitation up with; hand it over by a way of your own.',
      resolve: ({ accountId, invitationId }, _args, { deps }) => codeOfInvitation(deps, accountId, invitationId),
    }),
  }),
})

mutation('acceptInvitation', {
  scope: 'identity:link',
  description:
    'Takes an invitation up: needs its code and a token whose issuer vouches for the invited e-mail address.',
  problems: [InvitationNotValid, AccountNotActive, NotAvailable],
  input: (t) => ({ code: t.string({ required: true, description: 'The code of the invitation.' }) }),
  run: async (deps, call, input) => acceptInvitation(deps, call, input),
  success: (t) => ({
    subjectId: t.id({
      description: 'Global id of the person that the caller is from now on.',
      resolve: subjectGlobalId,
    }),
  }),
})

mutation('changeMemberRole', {
  scope: 'members:manage',
  description: "Gives a member of the caller's account another role.",
  problems: [NotAvailable, AccountNotActive, RoleNotAllowed, LastOwner],
  input: (t) => ({
    subjectId: t.id({ required: true, description: 'The member.' }),
    role: t.field({ type: AccountRole, required: true, description: 'The new role.' }),
  }),
  run: async (deps, call, { subjectId, role }) =>
    changeMemberRole(deps, call, { subjectId: ownSubjectId(call.caller, subjectId), role }),
  success: (t) => ({ subject: subjectField(t) }),
})

mutation('removeMember', {
  scope: 'members:manage',
  description: "Ends a membership of the caller's account: sign-ins and open invitations of the person end at once.",
  problems: [NotAvailable, AccountNotActive, RoleNotAllowed, LastOwner],
  input: (t) => ({ subjectId: t.id({ required: true, description: 'The member.' }) }),
  run: async (deps, call, { subjectId }) =>
    removeMember(deps, call, { subjectId: ownSubjectId(call.caller, subjectId) }),
  success: (t) => ({ subject: subjectField(t) }),
})
