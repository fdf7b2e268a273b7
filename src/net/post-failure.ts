/** Why a request was not answered by success, as a closed word. */
export type PostProblem =
  | 'TIMEOUT'
  | 'NAME_NOT_RESOLVED'
  | 'ADDRESS_NOT_ALLOWED'
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_FAILED'
  | 'CONNECTION_LOST'
  | 'TLS_FAILED'
  | 'RESPONSE_NOT_VALID'
  | 'RESPONSE_TOO_LARGE'
  | 'REDIRECTED'
  | 'GONE'
  | 'STATUS_NOT_SUCCESS'

/** A request that came to no answer. */
export class PostFailure extends Error {
  override readonly name = 'PostFailure'
  readonly problem: PostProblem

  constructor(problem: PostProblem) {
    super(problem)
    this.problem = problem
  }
}
