/** Prints the story: titles, checks, notes and a summary. */
import type { Client } from './client.ts';
import type { Nodes } from './nodes.ts';

export type Telling = {
  readonly title: (text: string) => void;
  /** Prints a check and its result, and `seen` if it failed. The story goes on either way. */
  readonly check: (claim: string, isTrue: boolean, seen?: string) => void;
  readonly note: (text: string) => void;
  readonly counts: () => { readonly checks: number; readonly failed: number };
};

/** What each part of the story gets: the printer of the story, the nodes, and a client for them. */
export type Scene = Telling & {
  readonly nodes: Nodes;
  readonly client: Client;
  /** Adds a version with this line to the secret whose history ends the story. */
  readonly remember: (line: string) => Promise<void>;
};

/**
 * Creates the printer of the story. `say` is called with one line at a time. `elapsedMs` is the
 * time since the story began.
 */
export const createTelling = (say: (line: string) => void, elapsedMs: () => number): Telling => {
  let [titles, checks, failed] = [0, 0, 0];
  return {
    title: (text) => {
      titles += 1;
      say(`\n${String(titles).padStart(2)}. ${text}  [${(elapsedMs() / 1000).toFixed(1)} s]`);
    },
    check: (claim, isTrue, seen) => {
      checks += 1;
      if (!isTrue) failed += 1;
      say(`    ${isTrue ? 'ok    ' : 'FAILED'}  ${claim}`);
      if (!isTrue && seen !== undefined) say(`            seen: ${seen}`);
    },
    note: (text) => say(`            ${text}`),
    counts: () => ({ checks, failed }),
  };
};
