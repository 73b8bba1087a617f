/**
 * The addresses of views, behind `#`, such as `#/secrets/DB_PASSWORD`. They never contain a value.
 */
import { useEffect, useState } from 'preact/hooks';

/**
 * Returns the parts of the current address, such as `['secrets', 'DB_PASSWORD']`. An empty address
 * is the list of secrets.
 */
export const useRoute = (): readonly string[] => {
  const [route, setRoute] = useState(routeOf);
  useEffect(() => {
    const changed = () => setRoute(routeOf());
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
