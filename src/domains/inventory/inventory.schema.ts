import './inventory.types.ts'
