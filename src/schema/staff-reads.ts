import { defaultFieldResolver, type GraphQLSchema, isObjectType } from 'graphql'
import type { About } from './root-field.ts'
import type { Context } from './types.ts'

type AboutPerson = (row: unknown) => About

/**
 * Wraps every field of the types that are about a person, so that whatever Staff is shown of one is noted for the
 * audit, whichever way the row was reached.
 */
export function noteStaffReads(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    const about = type.extensions['aboutPerson'] as AboutPerson | undefined
    if (!about || !isObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      const resolve = field.resolve ?? defaultFieldResolver
      field.resolve = (row, args, context: Context, info) => {
        if (context.session.principal === 'STAFF') {
          const { always = false, ...read } = about(row)
          if (always || read.subjectId !== null) context.reads.note(read)
        }
        return resolve(row, args, context, info)
      }
    }
  }
  return schema
}
