/** The views have addresses behind `#`, such as `#/secrets/DB_PASSWORD`. No value ever stands in one. */
import { useEffect, useState } from 'preact/hooks';

/** The parts of the address of the present view: `['secrets', 'DB_PASSWORD']`. */
export const useRoute = (): readonly string[] => {
  const [route, setRoute] = useState(routeOf);
  useEffect(() => {
    const changed = () => setRoute(routeOf());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
};

const routeOf = (): readonly string[] =>
  location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);

export const linkTo = (...parts: readonly string[]): string =>
  `#/${parts.map(encodeURIComponent).join('/')}`;

export const go = (...parts: readonly string[]): void => {
  location.hash = linkTo(...parts);
};
