import './processing.queries.ts'
import './processing.types.ts'
