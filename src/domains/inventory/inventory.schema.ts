import './inventory.queries.ts'
import './inventory.types.ts'
