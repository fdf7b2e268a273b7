/** Every code of a failure with keys: what it means to the operator, who alone sees it, and whether to try again. */
export const KEY_ERROR_CODES = {
  'KEYS.DECRYPTION_FAILED': { message: 'A sealed value was altered, or belongs elsewhere.', retry: false },
  'KEYS.DESTROYED': { message: 'The data key was destroyed: nothing can be written under it.', retry: false },
  'KEYS.EPOCH_UNKNOWN': { message: 'A key names an epoch that the key provider does not hold.', retry: false },
  'KEYS.FILE_INVALID': { message: 'The key file or its permissions are not as they must be.', retry: false },
  'KEYS.FILE_LOCKED': { message: 'Another process holds the key file.', retry: true },
  'KEYS.FILE_MISSING': { message: 'The key file is missing, and the database has keys of it.', retry: false },
  'KEYS.READ_ONLY': { message: 'The keys come from a variable, which only the operator changes.', retry: false },
  'KEYS.ROTATION_UNFINISHED': { message: 'Keys of an old epoch live still; running it again goes on.', retry: true },
  'KEYS.VARIABLE_INVALID': { message: 'The variable with the keys has not the form it must have.', retry: false },
} as const satisfies Record<string, { readonly message: string; readonly retry: boolean }>

/** What went wrong with keys, as a stable code. */
export type KeyErrorCode = keyof typeof KEY_ERROR_CODES

/** The common parent of all errors about keys. None carries a key, a plaintext or a ciphertext. */
export class KeyError extends Error {
  override readonly name: string = 'KeyError'
  readonly code: KeyErrorCode

  constructor(code: KeyErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A sealed value was altered, belongs elsewhere, or was sealed under another key. Says nothing more, by design. */
export class DecryptionError extends KeyError {
  override readonly name = 'DecryptionError'

  constructor() {
    super('KEYS.DECRYPTION_FAILED', 'A sealed value could not be opened.')
  }
}

/** The data key was destroyed for good: nothing can be written under it any more. */
export class KeyDestroyedError extends KeyError {
  override readonly name = 'KeyDestroyedError'

  constructor() {
    super('KEYS.DESTROYED', 'The data key was destroyed; nothing more can be written under it.')
  }
}

/** A wrapped key names an epoch that the key provider does not hold (any more). */
export class UnknownEpochError extends KeyError {
  override readonly name = 'UnknownEpochError'

  constructor(epoch: string) {
    super('KEYS.EPOCH_UNKNOWN', `The key provider holds no epoch ${epoch}.`)
  }
}

/** The key file, its lock or its permissions are not as they must be. */
export class KeyFileError extends KeyError {
  override readonly name = 'KeyFileError'

  constructor(code: 'KEYS.FILE_INVALID' | 'KEYS.FILE_LOCKED' | 'KEYS.FILE_MISSING', message: string) {
    super(code, message)
  }
}

/** The variable with the keys has not the form it must have. */
export class KeyVariableError extends KeyError {
  override readonly name = 'KeyVariableError'

  constructor(message: string) {
    super('KEYS.VARIABLE_INVALID', message)
  }
}

/** The keys come from a variable, which only the operator can change. */
export class KeysAreReadOnlyError extends KeyError {
  override readonly name = 'KeysAreReadOnlyError'

  constructor(message: string) {
    super('KEYS.READ_ONLY', message)
  }
}

/** Keys of an old epoch are still living, so that the epoch was not destroyed. Running the rotation again goes on. */
export class RotationUnfinishedError extends KeyError {
  override readonly name = 'RotationUnfinishedError'
  /** How many keys still name an old epoch. */
  readonly remaining: number

  constructor(remaining: number) {
    super('KEYS.ROTATION_UNFINISHED', `${remaining} keys still name an old epoch; it was not destroyed. Run again.`)
    this.remaining = remaining
  }
}
