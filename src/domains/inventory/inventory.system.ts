import { referenceSystem } from '../reference-system.ts'

/**
 * The inventory itself: what was held of a person, never what it said. Items stay, ended, to show that the data is gone.
 * @see GDPR Art. 5(2)
 */
export const inventorySystem = referenceSystem({
  key: 'inventory',
  name: 'Inventory of personal data',
  tables: ['public.inventory_item', 'public.inventory_recipient'],
  exception: 'ACCOUNTABILITY',
  async count(tx, { accountId, subjectId }) {
    const items = await tx.inventoryItem.count({ where: { accountId, subjectId } })
    return items + (await tx.inventoryRecipient.count({ where: { item: { accountId, subjectId } } }))
  },
})
