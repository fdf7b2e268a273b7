import {
  type DocumentNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql'
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

/**
 * Refuses a subscription with more than one root field, or whose root field a directive can take away: GraphQL.js finds
 * no field then and fails. Its own validation counts fields, and looks at no directive.
 * @throws GRAPHQL_VALIDATION_FAILED
 */
export function assertOneSubscription(document: DocumentNode, operationName: string | null | undefined): void {
  const operation = getOperationAST(document, operationName)
  if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return
  const isPlain = rootFieldNames(document, operation).length === 1 && !hasRootDirective(document, operation)
  if (!isPlain)
    throw refused('GRAPHQL_VALIDATION_FAILED', 'A subscription has exactly one root field, without directives.')
}

function hasRootDirective(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  const seen = new Set<string>()
  const fragment = (name: string): boolean => {
    if (seen.has(name)) return false
    seen.add(name)
    return document.definitions.some(
      (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name && within(one.selectionSet),
    )
  }
  const within = ({ selections }: SelectionSetNode): boolean =>
    selections.some((one) => {
      if (one.directives?.length) return true
      if (one.kind === Kind.INLINE_FRAGMENT) return within(one.selectionSet)
      return one.kind === Kind.FRAGMENT_SPREAD && fragment(one.name.value)
    })
  return within(operation.selectionSet)
}

/** Holds every request to `assertOneMutation` and `assertOneSubscription`. */
export function useOneMutation(): Plugin {
  return {
    onParse: ({ context }) => {
      return ({ result }) => {
        if (!isDocument(result)) return
        assertOneMutation(result, context.params?.operationName)
        assertOneSubscription(result, context.params?.operationName)
      }
    },
  }
}
