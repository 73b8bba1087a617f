/** What a run generates depends on this alone. A failure shows it; `READERS_SEED` repeats the run. */
export const seed = Number(process.env['READERS_SEED'] ?? Date.now());
