/** The fixed id of a record of the demo. */
export const demoId = (group: number, item: number) =>
  `0199aa00-0000-7000-8000-${String(group).padStart(4, '0')}${String(item).padStart(8, '0')}`
