/**
 * The units that a store without a bill reports for a call: one per started 4 KiB of its items, and
 * at least one. `jsonLength` is the length of their JSON, in which base64 takes a third more space
 * than the bytes, so three quarters of it count.
 */
export const unitsOf = (jsonLength: number): number =>
  Math.max(1, Math.ceil((jsonLength * 3) / 4 / 4_096));
