/** Addresses of views, behind `#`, such as `#/secrets/DB_PASSWORD`. No address ever holds a value. */
import { useEffect, useState } from 'preact/hooks';

/** The address of the present view. */
let shown = '';

/** Called with the address that a person wants to go to. Returns whether the present view stays. */
let keeper: ((wanted: string) => boolean) | undefined;

export type LeaveGuard = {
  /** Whether a person wants to leave, and has to decide. */
  readonly isAsked: boolean;
  readonly stay: () => void;
  readonly leave: () => void;
};

/** While `isLost`, a person who wants to leave the view is asked first: by the view, or by the browser. */
export const useLeaving = (isLost: boolean): LeaveGuard => {
  const [wanted, setWanted] = useState<string>();
  useEffect(() => {
    if (!isLost) return;
    keeper = (address) => {
      setWanted(address);
      return true;
    };
    const ask = (event: Event) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => {
      keeper = undefined;
      removeEventListener('beforeunload', ask);
    };
  }, [isLost]);
  const leave = () => {
    keeper = undefined;
    location.hash = wanted ?? '';
  };
  return { isAsked: wanted !== undefined, stay: () => setWanted(undefined), leave };
};

/** The parts of the present view's address: `['secrets', 'DB_PASSWORD']`. The first address is the list. */
export const useRoute = (): readonly string[] => {
  const [route, setRoute] = useState(routeOf);
  useEffect(() => {
    const changed = () => {
      if (keeper?.(location.hash)) return history.replaceState(null, '', shown);
      shown = location.hash;
      setRoute(routeOf());
    };
    shown = location.hash;
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
};

const routeOf = (): readonly string[] => {
  try {
    const parts = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean);
    return parts.length === 0 ? ['secrets'] : parts.map(decodeURIComponent);
  } catch {
    // An address that was typed, with a `%` that begins no character, leads nowhere.
    return [];
  }
};

export const linkTo = (...parts: readonly string[]): string =>
  `#/${parts.map(encodeURIComponent).join('/')}`;
