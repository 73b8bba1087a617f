/** Announces what an action has done, in one live region for screen readers. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

/**
 * Announces a sentence in the current view, or in the view with the link `at`, which may appear
 * later.
 */
type Announce = (sentence: string, at?: string) => void;

const AnnounceContext = createContext<Announce>(() => undefined);

export const useAnnounce = (): Announce => useContext(AnnounceContext);

/** Shows the last announcement until the person leaves its view. */
export const Announcer = ({ children }: { readonly children: ComponentChildren }) => {
  const [announcement, setAnnouncement] = useState<{
    readonly sentence: string;
    readonly at: string;
  }>();
  useEffect(() => {
    const left = () => setAnnouncement((last) => (last?.at === location.hash ? last : undefined));
    addEventListener('hashchange', left);
    return () => removeEventListener('hashchange', left);
  }, []);
  const announce: Announce = (sentence, at = location.hash) => setAnnouncement({ sentence, at });
  return (
    <AnnounceContext.Provider value={announce}>
      <p class="told" role="status">
        {announcement?.sentence}
      </p>
      {children}
    </AnnounceContext.Provider>
  );
};
