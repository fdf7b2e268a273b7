import { textIn } from '../texts.rules.ts'
import type { ProcessingRecord, RecordRecipient } from './processing-record.rules.ts'
import { RECORD_STYLE } from './processing-record-style.rules.ts'
import {
  basisName,
  categoryName,
  dateOf,
  KINDS,
  PROCESSOR_NAME,
  purposeName,
  RECIPIENT_ROLES,
  type RecordDocumentInput,
  SOURCES,
  type WORDS,
  word,
} from './processing-record-texts.rules.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as HTML shows it, in an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? '')

type Languages = readonly string[]
type Pair = readonly [label: keyof typeof WORDS, html: string]

/**
 * Records as a page that needs nothing beside itself: no script, no picture, no font, nothing fetched. Headings, captions
 * and header cells tell assistive technology what is what; it prints on paper.
 * @see WCAG 2.2, 1.3.1 (info and relationships), 3.1.1 (language of page)
 */
export function recordsAsHtml(input: RecordDocumentInput): string {
  const { languages, records, role } = input
  const w = (key: keyof typeof WORDS) => escapeHtml(word(key, languages))
  const title = `${w('title')}: ${escapeHtml(input.controller.name ?? input.controller.id)}`
  const body = records.map((record, index) => sectionOf(record, index, languages)).join('\n')
  return `<!doctype html>
<html lang="${w('lang')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${RECORD_STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${facts(headOf(input), languages)}
</header>
<main>
${records.length === 0 ? `<p>${w('empty')}</p>` : body}
${records[0] ? securityOf(records[0], languages) : ''}
</main>
<footer>
<h2>${w('sources')}</h2>
<p>${escapeHtml(textIn(SOURCES[role], languages))}</p>
<p>${w('limits')}</p>
</footer>
</body>
</html>
`
}

function headOf({ controller, role, at, languages }: RecordDocumentInput): Pair[] {
  const unknown = escapeHtml(word('unknown', languages))
  return [
    ['controller', controller.name === null ? unknown : escapeHtml(controller.name)],
    ['country', controller.country === null ? unknown : escapeHtml(controller.country)],
    ...(role === 'PROCESSOR' ? [['processor', PROCESSOR_NAME] as const] : []),
    ['kept', escapeHtml(textIn(SOURCES[role], languages))],
    ['date', time(at)],
  ]
}

const time = (at: Date) => `<time datetime="${at.toISOString()}">${dateOf(at)}</time>`

const span = ({ firstAt, lastAt }: { readonly firstAt: Date; readonly lastAt: Date }) =>
  dateOf(firstAt) === dateOf(lastAt) ? time(lastAt) : `${time(firstAt)} – ${time(lastAt)}`

const facts = (pairs: readonly Pair[], languages: Languages) =>
  `<dl>${pairs.map(([label, html]) => `<div><dt>${escapeHtml(word(label, languages))}</dt><dd>${html}</dd></div>`).join('')}</dl>`

function sectionOf(record: ProcessingRecord, index: number, languages: Languages): string {
  const { recipients, formerRecipients, persons, systems, legalBases } = record
  const id = `record-${index + 1}`
  const abroad = recipients
    .filter((each) => each.abroad)
    .map(({ processor }) => `${processor.name} (${processor.country})`)
  const pairs: Pair[] = [
    ['basis', listed(legalBases.map((basis) => basisName(basis, languages)))],
    [
      'persons',
      listed(
        persons.map(({ kind, subjects }) => {
          const name = textIn(KINDS[kind ?? 'NOBODY'], languages)
          return kind === null ? name : `${name}: ${subjects}`
        }),
      ),
    ],
    ['systems', systems.map(({ key, name }) => english(name ?? key)).join('<br>')],
    ['otherCountries', abroad.length === 0 ? escapeHtml(word('none', languages)) : listed(abroad)],
  ]
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escapeHtml(purposeName(record, languages))}</h2>
${facts(pairs, languages)}
${dataTable(record, languages)}
${recipientTable('recipients', recipients, languages)}
${formerRecipients.length === 0 ? '' : recipientTable('former', formerRecipients, languages)}
</section>`
}

/** Text that there is in English alone, whatever the language of the page (WCAG 2.2, 3.1.2). */
const english = (text: string) => `<span lang="en">${escapeHtml(text)}</span>`

const listed = (texts: readonly string[]) => texts.map((text) => `<span>${escapeHtml(text)}</span>`).join('<br>')

/** A table; the first cell of each row is its header. Cells are HTML already. */
function table(
  caption: keyof typeof WORDS,
  heads: readonly (keyof typeof WORDS)[],
  rows: readonly (readonly string[])[],
  languages: Languages,
): string {
  const w = (key: keyof typeof WORDS) => escapeHtml(word(key, languages))
  const body = rows.map(
    ([first, ...rest]) => `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  )
  return `<div class="wide" role="region" tabindex="0" aria-label="${w(caption)}"><table>
<caption>${w(caption)}</caption>
<thead><tr>${heads.map((head) => `<th scope="col">${w(head)}</th>`).join('')}</tr></thead>
<tbody>${body.join('\n')}</tbody>
</table></div>`
}

function dataTable({ categories }: ProcessingRecord, languages: Languages): string {
  const rows = categories.map(({ category, items, subjects, retention }) => [
    escapeHtml(categoryName(category, languages)),
    String(items),
    String(subjects),
    retention.length === 0
      ? escapeHtml(word('unknown', languages))
      : listed(retention.map(({ description }) => textIn(description, languages))),
    retention.map(({ clause, legalSource }) => english(`${clause}; ${legalSource}`)).join('<br>'),
  ])
  return table('data', ['category', 'items', 'people', 'period', 'source'], rows, languages)
}

function recipientTable(
  caption: 'recipients' | 'former',
  recipients: readonly RecordRecipient[],
  languages: Languages,
): string {
  if (recipients.length === 0)
    return `<h3>${escapeHtml(word(caption, languages))}</h3><p>${escapeHtml(word('none', languages))}</p>`
  const isFormer = caption === 'former'
  const rows = recipients.map(({ processor, mayReceive, received }) => {
    const { name, role, country, regions, contractOn, endedAt } = processor
    const day = isFormer ? endedAt : contractOn
    return [
      escapeHtml(name),
      escapeHtml(textIn(RECIPIENT_ROLES[role], languages)),
      escapeHtml(country),
      escapeHtml(regions.join(', ')),
      ...(isFormer ? [] : [listed(mayReceive.map((category) => categoryName(category, languages)))]),
      received ? `${received.items} (${span(received)})` : escapeHtml(word('nothing', languages)),
      day ? time(day) : escapeHtml(word('none', languages)),
    ]
  })
  const [before, after] = [
    ['name', 'role', 'country', 'regions'],
    ['received', isFormer ? 'ended' : 'contract'],
  ] as const
  return table(caption, [...before, ...(isFormer ? [] : (['may'] as const)), ...after], rows, languages)
}

function securityOf({ security }: ProcessingRecord, languages: Languages): string {
  const unknown = escapeHtml(word('unknown', languages))
  const { keyEpochStartedAt, keyEpochDays, dataKeys } = security
  const epoch = keyEpochStartedAt
    ? `${time(keyEpochStartedAt)} (${keyEpochDays} ${escapeHtml(word('days', languages))})`
    : unknown
  return `<section aria-labelledby="security">
<h2 id="security">${escapeHtml(word('security', languages))}</h2>
${facts(
  [
    ['epoch', epoch],
    ['dataKeys', dataKeys === null ? unknown : String(dataKeys)],
  ],
  languages,
)}
</section>`
}
