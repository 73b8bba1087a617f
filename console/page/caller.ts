import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Caller, lacks } from './permissions.ts';

/** Whom the vault takes the console for; `undefined` if the vault has not answered that. */
export const CallerContext = createContext<Caller | undefined>(undefined);

export const useCaller = (): Caller | undefined => useContext(CallerContext);

/** What the token of this console lacks for an action. */
export const useLack = (scope: string): string | undefined => lacks(useCaller(), scope);
