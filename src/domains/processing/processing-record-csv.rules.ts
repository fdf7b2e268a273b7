import { stringify } from 'csv-stringify/sync'
import { textIn } from '../texts.rules.ts'
import { ARTICLES, type ProcessingRecord, type RecordRecipient } from './processing-record.rules.ts'
import {
  basisName,
  categoryName,
  dateOf,
  KINDS,
  PROCESSOR_NAME,
  purposeName,
  type RecordDocumentInput,
} from './processing-record-texts.rules.ts'

const list = (values: readonly string[]) => values.join('; ')

/** Columns of the table, in their order. Names of columns are stable and English; names in cells are by language. */
const columnsOf = ({ at, languages }: RecordDocumentInput) =>
  ({
    date: () => dateOf(at),
    article: ({ role }) => ARTICLES[role],
    role: ({ role }) => role,
    processor: ({ role }) => (role === 'PROCESSOR' ? PROCESSOR_NAME : ''),
    controller: ({ controller }) => controller.name ?? '',
    controller_country: ({ controller }) => controller.country ?? '',
    purpose: ({ purpose }) => purpose,
    purpose_name: (record) => purposeName(record, languages),
    legal_bases: ({ legalBases }) => list(legalBases.map((basis) => basisName(basis, languages))),
    items: ({ items }) => String(items),
    persons: ({ subjects }) => String(subjects),
    kinds_of_persons: ({ persons }) =>
      list(persons.map(({ kind, subjects }) => `${textIn(KINDS[kind ?? 'NOBODY'], languages)}: ${subjects}`)),
    categories: ({ categories }) =>
      list(categories.map(({ category, items }) => `${categoryName(category, languages)}: ${items}`)),
    kept_for: ({ categories }) =>
      list(
        categories.map(
          ({ category, retention }) =>
            `${categoryName(category, languages)}: ${retention.map(({ description }) => textIn(description, languages)).join(' ')}`,
        ),
      ),
    systems: ({ systems }) => list(systems.map(({ key, name }) => name ?? key)),
    recipients: ({ recipients }) => list(recipients.map(nameOf)),
    received_by: ({ recipients }) => list(recipients.filter(({ received }) => received !== null).map(nameOf)),
    former_recipients: ({ formerRecipients }) => list(formerRecipients.map(nameOf)),
    recipients_in_other_countries: ({ recipients }) => list(recipients.filter(({ abroad }) => abroad).map(nameOf)),
    key_epoch_started_on: ({ security }) => (security.keyEpochStartedAt ? dateOf(security.keyEpochStartedAt) : ''),
    living_data_keys: ({ security }) => (security.dataKeys === null ? '' : String(security.dataKeys)),
  }) satisfies Record<string, (record: ProcessingRecord) => string>

const nameOf = ({ processor }: RecordRecipient) => `${processor.name} (${processor.country})`

/**
 * Records as a table, RFC 4180, one row for each. A cell that a spreadsheet would take for a formula begins with an
 * apostrophe.
 */
export function recordsAsCsv(input: RecordDocumentInput): string {
  const columns = Object.entries(columnsOf(input))
  return stringify(
    input.records.map((record) => columns.map(([, cell]) => cell(record))),
    { header: true, columns: columns.map(([name]) => name), escape_formulas: true, record_delimiter: '\r\n' },
  )
}
