import type { PersonalDataSystem } from './domains/personal-data.ts'

/** Every place of this program where personal data rests. No table of persons belongs to none of them. */
export const SYSTEMS: readonly PersonalDataSystem[] = []
