import { badInput } from '../../schema/refusals.ts'
import { matchesUsagePattern, USAGE_PATTERN_WORDS } from './usage-patterns.rules.ts'

/** @throws BAD_INPUT when a filter holds what no event can hold */
export function assertPatterns(filter: {
  model?: string | null | undefined
  region?: string | null | undefined
}): void {
  for (const field of ['model', 'region'] as const) {
    const value = filter[field]
    if (value !== null && value !== undefined && !matchesUsagePattern(field, value))
      throw badInput(`filter.${field}`, `must be ${USAGE_PATTERN_WORDS[field]}`)
  }
}
