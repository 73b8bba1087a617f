import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Caller, lacks } from './permissions.ts';

/** The caller that the console's token names; `undefined` until the vault has answered `whoami`. */
export const CallerContext = createContext<Caller | undefined>(undefined);

export const useCaller = (): Caller | undefined => useContext(CallerContext);

/** Returns a message if the console's token lacks the scope, otherwise `undefined`. */
export const useLack = (scope: string): string | undefined => lacks(useCaller(), scope);
