/** Time and chance, as arguments so that tests need not wait. */
export type Tools = {
  /** Milliseconds since some fixed moment. */
  readonly now: () => number
  /** 0 up to 1. */
  readonly random: () => number
  readonly newId: () => string
  /** Waits; rejects with the signal's reason when it ends before. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

/** Those of the machine. */
export const systemTools: Tools = {
  now: () => Date.now(),
  random: () => Math.random(),
  newId: () => crypto.randomUUID(),
  wait: (ms, signal) => orAborted(new Promise((resolve) => setTimeout(resolve, ms)), signal),
}

/** Settles like `promise`, or rejects with the signal's reason, whichever comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
