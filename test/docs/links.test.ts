import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { filesOf, pathOf, textOf } from './documents.ts'

const documents = filesOf('**/*.md')
const withoutCode = (text: string) => text.replaceAll(/```[\s\S]*?```/g, '')

/** Places of a machine on which the project was once written; put together here, for this file is searched too. */
const FOREIGN_PLACES = [
  ['/wo', 'rk/'],
  ['/t', 'mp/'],
  ['registry.', 'npmjs'],
  ['deb.', 'debian'],
].map((parts) => parts.join(''))

test('every relative link of every document leads to a file that exists', () => {
  let tried = 0
  const broken: string[] = []
  for (const document of documents)
    for (const [, target = ''] of withoutCode(textOf(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(target)) continue
      tried += 1
      if (!existsSync(pathOf(join(dirname(document), target.replace(/#.*$/, '')))))
        broken.push(`${document}: ${target}`)
    }
  expect(documents.length).toBeGreaterThan(15)
  expect(tried).toBeGreaterThan(15)
  expect(broken).toEqual([])
})

test('every file that a document names by its path exists', () => {
  const named = documents.flatMap((document) =>
    [...withoutCode(textOf(document)).matchAll(/`((?:src|test|prisma|client|bench|docs)\/[\w./-]+)`/g)].map(
      ([, path = '']) => ({ document, path }),
    ),
  )
  expect(named.length).toBeGreaterThan(30)
  const made = /^client\/(dist|generated)\b|^src\/generated\b/
  const missing = named.filter(({ path }) => !made.test(path) && !existsSync(pathOf(path)))
  expect(missing.map(({ document, path }) => `${document}: ${path}`)).toEqual([])
})

test('every metric that the runbook names is one that the program has', () => {
  const runbook = textOf('docs/runbook.md')
  const names = [...runbook.matchAll(/\b((?:http|graphql|outbox|rate_limited|denials)(?:_[a-z]+)+)\b/g)].map(
    ([, name = '']) => name.replace(/_bucket$/, ''),
  )
  const inCode = `${textOf('src/http/metrics.ts')}${textOf('src/works.ts')}`
  const strange = [...new Set(names)].filter((name) => !inCode.includes(`'${name}'`) && name !== 'outbox_event')
  expect(new Set(names).size).toBeGreaterThan(6)
  expect(strange).toEqual([])
})

test('no file names a place outside the project', () => {
  const files = filesOf('**/*.{ts,js,mjs,json,md,sql,graphql,prisma,toml,yml,yaml,sh}').concat(
    filesOf('.{ci,github}/**/*.*'),
    filesOf('.ci/*'),
  )
  const found = files.flatMap((file) => {
    const text = textOf(file)
    return FOREIGN_PLACES.filter((place) => text.includes(place)).map((place) => `${file}: ${place}`)
  })
  expect(files.length).toBeGreaterThan(200)
  expect(found).toEqual([])
})
