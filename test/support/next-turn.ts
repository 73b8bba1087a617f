import { currentTurn } from '../../host/process/turn.ts';

/** Resolves in the next turn of the event loop. A timer may still fire in the same turn. */
export const nextTurn = async (): Promise<void> => {
  const turn = currentTurn();
  while (currentTurn() === turn) await new Promise(setImmediate);
};
