import './inventory.queries.ts'
import './inventory.types.ts'
import './retention-rules.queries.ts'
