/**
 * The addresses of views, behind `#`, such as `#/secrets/DB_PASSWORD`. They never contain a value.
 */
import { useEffect, useState } from 'preact/hooks';

/** The address of the view that is shown. */
let shown = '';

/** Called with the address that a person wants to go to. Returns true if the current view stays. */
let keeper: ((wanted: string) => boolean) | undefined;

export type LeaveGuard = {
  /** Whether the person wants to leave and has to decide. */
  readonly isAsked: boolean;
  readonly stay: () => void;
  readonly leave: () => void;
};

/**
 * Asks before a person leaves the view, while `isLost` says that their work would be lost: in the
 * page when they go to another view, and by the browser when they close or reload the tab.
 */
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

/**
 * Returns the parts of the current address, such as `['secrets', 'DB_PASSWORD']`. An empty address
 * is the list of secrets.
 */
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
    // Somebody typed an address with a `%` that is not a valid escape. It leads to no view.
    return [];
  }
};

export const linkTo = (...parts: readonly string[]): string =>
  `#/${parts.map(encodeURIComponent).join('/')}`;
