import type { ExecutionArgs } from 'graphql'
import {
  coerceInputValue,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getOperationAST,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { type RequestError, refused } from './request-error.ts'

type Path = ReadonlyArray<string | number>
type Variables = Readonly<Record<string, unknown>>

const ERRORS_MAX = 20
const REQUIRED = /^Field "(\w+)" of required type "([\w![\]]+)" was not provided\.$/
const UNKNOWN = /^Field "[\s\S]*" is not defined by type "(\w+)"\./
const NOT_OBJECT = /^Expected type "(\w+)" to be an object\.$/
const NOT_NULL = /^Expected non-nullable type "([\w![\]]+)" not to be null\.$/
const ONE_OF = /^Exactly one key must be specified for OneOf type "(\w+)"\.$/
class EnoughErrors extends Error {}

function typeAt(type: GraphQLInputType, path: Path): string {
  let at: GraphQLInputType | undefined = type
  for (const step of path) {
    const inner: GraphQLInputType | undefined = at && getNullableType(at)
    if (isListType(inner) && typeof step === 'number') at = inner.ofType
    else if (isInputObjectType(inner)) at = inner.getFields()[step]?.type
  }
  return at ? getNamedType(at).name : 'unknown'
}

/** The reason in words that hold names of the schema and no value. */
function reasonOf({ message }: GraphQLError, type: GraphQLInputType, path: Path): string {
  const required = REQUIRED.exec(message)
  if (required) return `field "${required[1]}" of type "${required[2]}" is missing`
  const unknown = UNKNOWN.exec(message)
  if (unknown) return `it has a field that type "${unknown[1]}" does not define`
  const object = NOT_OBJECT.exec(message)
  if (object) return `an object of type "${object[1]}" is expected`
  const nullable = NOT_NULL.exec(message)
  if (nullable) return `type "${nullable[1]}" must not be null`
  const oneOf = ONE_OF.exec(message)
  if (oneOf) return `type "${oneOf[1]}" takes exactly one field`
  return `the value does not fit the type "${typeAt(type, path)}"`
}

const printPath = (path: Path) => path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')

/**
 * What is wrong with the variables of an operation: for each fault the variable, the path in it and the reason, never
 * the value. GraphQL.js quotes values in its own texts, and values are personal data. At most 20 faults.
 */
export function variableErrors(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
): RequestError[] {
  const errors: RequestError[] = []
  const fault = (text: string, nodes: OperationDefinitionNode['variableDefinitions']) => {
    errors.push(refused('BAD_USER_INPUT', text, { http: { spec: true }, ...(nodes ? { nodes } : {}) }))
    if (errors.length >= ERRORS_MAX) throw new EnoughErrors()
  }
  const check = (definition: NonNullable<OperationDefinitionNode['variableDefinitions']>[number]) => {
    const name = definition.variable.name.value
    const type = typeFromAST(schema, definition.type)
    if (!isInputType(type)) return
    if (!Object.hasOwn(variables, name)) {
      if (isNonNullType(type) && !definition.defaultValue)
        fault(`Variable "$${name}" of required type "${type}" was not provided.`, [definition])
      return
    }
    if (variables[name] === null && isNonNullType(type))
      return fault(`Variable "$${name}" of type "${type}" must not be null.`, [definition])
    coerceInputValue(variables[name], type, (path, _value, error) =>
      fault(`Variable "$${name}" at "${name}${printPath(path)}": ${reasonOf(error, type, path)}.`, [definition]),
    )
  }
  try {
    for (const definition of operation.variableDefinitions ?? []) check(definition)
  } catch (error) {
    if (!(error instanceof EnoughErrors)) throw error
  }
  return errors
}

function replaced(result: unknown, args: ExecutionArgs): ExecutionResult | null {
  if (typeof result !== 'object' || result === null || !('errors' in result) || !Array.isArray(result.errors))
    return null
  const [first] = result.errors as GraphQLError[]
  if (!first?.message.startsWith('Variable "$')) return null
  const operation = getOperationAST(args.document, args.operationName)
  const errors = operation ? variableErrors(args.schema, operation, args.variableValues ?? {}) : []
  return errors.length > 0 ? { errors } : null
}

/** Says what is wrong with variables in our words. Costs nothing while they are right. */
export function useVariableErrors(): Plugin {
  return {
    onExecute: ({ args }) => ({
      onExecuteDone({ result, setResult }) {
        const better = replaced(result, args)
        if (better) setResult(better)
      },
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult({ result, setResult }) {
        const better = replaced(result, args)
        if (better) setResult(better)
      },
    }),
  }
}
