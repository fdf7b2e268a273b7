import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedInputType,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import { notEmpty, rootFieldsOf } from '../schema/schema-walk.ts'
import { schema } from './documents.ts'

/** A place in a root field's variables where a caller puts a leaf value. */
export type Place = {
  readonly root: string
  readonly operation: 'query' | 'mutation'
  readonly scope: string
  /** Steps from the variables, e.g. `['input', 'events', 0, 'subjectId']`. */
  readonly path: readonly (string | number)[]
  readonly name: string
  readonly type: GraphQLNamedInputType
}

/**
 * Every place of every query and mutation, nested inputs and filters included. A subscription takes the arguments of the
 * query of its name, which a test of the schema holds. @throws Error when there is none
 */
export function placesOf(): Place[] {
  return notEmpty(
    rootFieldsOf(schema).flatMap(({ operation, name: root, field }) => {
      if (operation === 'subscription') return []
      const scope = String(field.extensions['scope'])
      return leaves(field.args, []).map((leaf) => ({ root, operation, scope, ...leaf }))
    }),
  )
}

function leaves(
  inputs: readonly (GraphQLArgument | GraphQLInputField)[],
  before: readonly (string | number)[],
): Pick<Place, 'path' | 'name' | 'type'>[] {
  return inputs.flatMap((input) => {
    const type = getNamedType(input.type)
    const nullable = isNonNullType(input.type) ? input.type.ofType : input.type
    const path = [...before, input.name, ...(isListType(nullable) ? [0] : [])]
    if (isInputObjectType(type)) return leaves(Object.values(type.getFields()), path)
    return [{ path, name: input.name, type }]
  })
}

/** The name of a place in a table of decisions: `createSubject.input.reference`. */
export const placeName = ({ root, path }: Place) => [root, ...path].join('.')
