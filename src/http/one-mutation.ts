import { type DocumentNode, getOperationAST, OperationTypeNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { rootFieldNames } from './document-size.ts'
import { isDocument } from './limits.ts'
import { refused } from './request-error.ts'

/**
 * Refuses a mutation with more than one root field, also through aliases and fragments, before anything runs: each
 * mutation is one transaction, and a document with two would be neither one nor two of them. `__typename` counts.
 * @throws ONE_MUTATION_PER_REQUEST
 */
export function assertOneMutation(document: DocumentNode, operationName: string | null | undefined): void {
  const operation = getOperationAST(document, operationName)
  if (operation?.operation !== OperationTypeNode.MUTATION) return
  if (rootFieldNames(document, operation).length !== 1) throw refused('ONE_MUTATION_PER_REQUEST')
}

/** Holds every request to `assertOneMutation`. */
export function useOneMutation(): Plugin {
  return {
    onParse: ({ context }) => {
      return ({ result }) => {
        if (isDocument(result)) assertOneMutation(result, context.params?.operationName)
      }
    },
  }
}
