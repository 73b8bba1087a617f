import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { useAnnounce } from '../announcer.tsx';
import { DiffLines } from '../diff-lines.tsx';
import { copyForAWhile, useHiding } from '../hidden-value.tsx';
import { diffLines } from '../line-diff.ts';
import type { ResultFile } from './env-requests.ts';
import { mask } from './masked-files.ts';

/** Shows how a file differs from the one that was sent. Values stay hidden until a person asks. */
export const Result = ({
  file: { title, fileName, before, content, masked, holdsValues },
  isDryRun,
  onUse,
}: {
  readonly file: ResultFile;
  /**
   * The file of a dry run refers to secrets that do not exist yet, so it can be neither copied nor
   * downloaded.
   */
  readonly isDryRun: boolean;
  readonly onUse?: (() => void) | undefined;
}) => {
  const [isShown, setShown] = useState(false);
  useHiding(isShown, () => setShown(false));
  const announce = useAnnounce();
  const copy = async () => {
    if (holdsValues) return announce(await copyForAWhile(content));
    await navigator.clipboard.writeText(content);
    announce('Copied.');
  };
  const refused = () =>
    announce('The browser does not let the console copy. Download the file instead.');
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {!isDryRun && (
        <p class="row">
          {holdsValues && (
            <button type="button" onClick={() => setShown(!isShown)}>
              {isShown ? 'Hide the values' : 'Show the values'}
            </button>
          )}
          <button type="button" onClick={() => void copy().catch(refused)}>
            Copy
          </button>
          <button type="button" onClick={() => download(fileName, content)}>
            Download
          </button>
          {onUse && (
            <button type="button" onClick={onUse}>
              Put it into the editor
            </button>
          )}
        </p>
      )}
      {holdsValues && (
        <p class="soft">Anyone who has a copy or a download of this file can read its values.</p>
      )}
      {differenceOf(before, isShown ? content : masked)}
    </section>
  );
};

const differenceOf = (before: string, after: string | undefined) => {
  if (after === undefined) {
    return <p>The whole file is hidden, because its values cannot be masked one by one.</p>;
  }
  const lines = diffLines(withoutReturns(before), withoutReturns(after));
  if (lines === undefined)
    return <p>Too many lines differ to show them here. Download the file.</p>;
  if (lines.length === 0) return <p>It is the same as the file that was sent.</p>;
  return <DiffLines lines={lines} show={withMasks} />;
};

/**
 * Removes carriage returns. The answer keeps the line endings of the file, so they are not
 * compared.
 */
const withoutReturns = (text: string): string => text.replaceAll('\r\n', '\n');

const withMasks = (text: string) =>
  text.split(mask).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && (
        <>
          <span aria-hidden="true">{mask}</span>
          <span class="hidden">hidden value</span>
        </>
      )}
      {part}
    </Fragment>
  ));

/**
 * Browsers do not report when a download has been read, so the page frees the file after this time.
 */
const downloadedWithinMs = 10_000;

const download = (fileName: string, content: string): void => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type: 'text/plain' }));
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), downloadedWithinMs);
};
