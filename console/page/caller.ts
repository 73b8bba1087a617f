import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Caller, lacks } from './permissions.ts';

/** The caller that the console's token names; `undefined` until the vault answers `whoami`. */
export const CallerContext = createContext<Caller | undefined>(undefined);

export const useCaller = (): Caller | undefined => useContext(CallerContext);

/** Says that the console's token lacks the scope; `undefined` if it has it. */
export const useLack = (scope: string): string | undefined => lacks(useCaller(), scope);
