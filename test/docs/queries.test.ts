import { parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { buildSchema } from '../../src/schema/index.ts'
import { filesOf, textOf } from './documents.ts'

const FENCED = /^```graphql\n([\s\S]*?)^```$/gm

test('every GraphQL example of the documents is valid', () => {
  const schema = buildSchema()
  const examples = filesOf('**/*.md').flatMap((file) =>
    [...textOf(file).matchAll(FENCED)].map(([, text = '']) => ({ file, text })),
  )
  expect(examples.length).toBeGreaterThan(3)
  const wrong = examples.flatMap(({ file, text }) =>
    validate(schema, parse(text)).map(({ message }) => `${file}: ${message}`),
  )
  expect(wrong).toEqual([])
})
