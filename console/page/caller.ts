import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Caller } from './permissions.ts';

/** Whom the vault takes the console for; `undefined` if the vault does not tell. */
export const CallerContext = createContext<Caller | undefined>(undefined);

export const useCaller = (): Caller | undefined => useContext(CallerContext);
