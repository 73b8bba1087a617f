/** Tells people what an action has done, in one place that screen readers listen to. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

/** Tells a sentence; with `at`, a link, for the view of that link, which may appear only later. */
type Announce = (sentence: string, at?: string) => void;

const AnnounceContext = createContext<Announce>(() => undefined);

export const useAnnounce = (): Announce => useContext(AnnounceContext);

/** Holds the sentence that was told last, as long as its view is shown. */
export const Announcer = ({ children }: { readonly children: ComponentChildren }) => {
  const [told, setTold] = useState<{ readonly sentence: string; readonly at: string }>();
  useEffect(() => {
    const left = () => setTold((last) => (last?.at === location.hash ? last : undefined));
    addEventListener('hashchange', left);
    return () => removeEventListener('hashchange', left);
  }, []);
  const announce: Announce = (sentence, at = location.hash) => setTold({ sentence, at });
  return (
    <AnnounceContext.Provider value={announce}>
      <p class="told" role="status">
        {told?.sentence}
      </p>
      {children}
    </AnnounceContext.Provider>
  );
};
