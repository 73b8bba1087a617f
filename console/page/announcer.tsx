/** Announces what an action has done, in one element that screen readers watch. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

/** Announces a sentence in this view, or in the view of the link `at`, which may appear later. */
type Announce = (sentence: string, at?: string) => void;

const AnnounceContext = createContext<Announce>(() => undefined);

export const useAnnounce = (): Announce => useContext(AnnounceContext);

/** Shows the last announcement while its view is shown. */
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
