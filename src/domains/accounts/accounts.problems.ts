import { Problem } from '../problem.ts'

export { NotAvailable } from '../problem.ts'

/** The account is closing or closed and takes no new data. */
export class AccountNotActive extends Problem {
  readonly code = 'ACCOUNT.NOT_ACTIVE'
  constructor() {
    super('The account is closing or closed.')
  }
}

/** The account is not closing: there is nothing to take back. */
export class AccountNotClosing extends Problem {
  readonly code = 'ACCOUNT.NOT_CLOSING'
  constructor() {
    super('The account is not being closed.')
  }
}

/** The time in which the closing could be taken back is over. */
export class AccountNotReopenable extends Problem {
  readonly code = 'ACCOUNT.NOT_REOPENABLE'
  constructor() {
    super('The account is closed, or data of it is due by its closing: it cannot be reopened.')
  }
}

/** The person is a member of the account already. */
export class MemberExists extends Problem {
  readonly code = 'ACCOUNT.MEMBER_EXISTS'
  constructor() {
    super('This e-mail address belongs to a member of the account.')
  }
}

/** Only an owner may give or take the role OWNER. */
export class RoleNotAllowed extends Problem {
  readonly code = 'ACCOUNT.ROLE_NOT_ALLOWED'
  constructor() {
    super('Only an owner may give or take the role OWNER.')
  }
}

/** An account keeps at least one owner. */
export class LastOwner extends Problem {
  readonly code = 'ACCOUNT.LAST_OWNER'
  constructor() {
    super('The last owner of an account cannot leave or step down.')
  }
}

/** The invitation is unknown, revoked, past its time, or was made for another e-mail address. */
export class InvitationNotValid extends Problem {
  readonly code = 'ACCOUNT.INVITATION_NOT_VALID'
  constructor() {
    super('The invitation is not valid for this person.')
  }
}

/** The person must sign in again by hand before this (RFC 9470). */
export class StepUpRequired extends Problem {
  readonly code = 'AUTH.STEP_UP_REQUIRED'
  constructor() {
    super('Sign in again: this needs a sign-in of the last 5 minutes.')
  }
}

/** Another subject of the account has the reference. */
export class ReferenceTaken extends Problem {
  readonly code = 'SUBJECT.REFERENCE_TAKEN'
  constructor() {
    super('Another subject of the account has this reference.')
  }
}

/** Another subject of the account has the e-mail address. */
export class EmailTaken extends Problem {
  readonly code = 'SUBJECT.EMAIL_TAKEN'
  constructor() {
    super('Another subject of the account has this e-mail address.')
  }
}

/** The subject is being erased or has been: nothing may be written about it. */
export class SubjectErased extends Problem {
  readonly code = 'SUBJECT.ERASED'
  constructor() {
    super('The subject is being erased or has been erased.')
  }
}

/** A client can only hold scopes of its kind. */
export class ClientScopeNotAllowed extends Problem {
  readonly code = 'CLIENT.SCOPE_NOT_ALLOWED'
  constructor() {
    super('A client of this kind cannot hold one of these scopes.')
  }
}

/** A network that a client may call from is not one in CIDR notation, or there are too many. */
export class ClientNetworksNotValid extends Problem {
  readonly code = 'CLIENT.NETWORKS_NOT_VALID'
  constructor() {
    super('Allowed networks must be at most 20 in CIDR notation without bits behind the prefix, e.g. 192.0.2.0/24.')
  }
}

/** A disabled client stays disabled and is not changed any more. */
export class ClientDisabled extends Problem {
  readonly code = 'CLIENT.DISABLED'
  constructor() {
    super('The client is disabled. Create another one.')
  }
}

/** What is asked for belongs to the other way in which clients prove themselves. */
export class ClientAuthenticationDiffers extends Problem {
  readonly code = 'CLIENT.AUTHENTICATION_DIFFERS'
  constructor() {
    super(
      'A client with a secret has it rotated, and one that signs by private_key_jwt has its publicJwks replaced; neither becomes the other.',
    )
  }
}

/** Two secrets are good already: a third would end one that may still be in use. */
export class ClientRotationRunning extends Problem {
  readonly code = 'CLIENT.ROTATION_RUNNING'
  constructor() {
    super('The secret before is still good. Wait until previousSecretUntil, or end both with overlapHours 0.')
  }
}

/** The key set is not one of public keys for signing. */
export class ClientKeysNotValid extends Problem {
  readonly code = 'CLIENT.KEYS_NOT_VALID'
  constructor() {
    super(
      'The key set must hold 1 to 10 public keys (EC P-256, EC P-384, Ed25519 or RSA of 2048 to 4096 bits); several need different kids.',
    )
  }
}
