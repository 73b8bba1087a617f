/** Shows why a request has no result: it was refused, or a node does not answer yet. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { keyGone } from './node-answers.ts';
import type { QueryState } from './query-hooks.ts';
import { onSilence, type Refusal } from './session.ts';

/**
 * Shows why an action or a request was refused, and announces it to screen readers. `advice` says
 * what to do.
 */
export const RefusalNotice = ({
  refusal,
  advice,
  again,
}: {
  readonly refusal: Refusal | undefined;
  readonly advice?: string | undefined;
  /** Repeats the request. Refusals that may pass get a button for it. */
  readonly again?: () => unknown;
}) =>
  refusal === undefined ? null : (
    <p class="refused" role="alert">
      {sentenceOf(refusal)} {advice} <code>{refusal.problem.code}</code>
      {refusal.problem.requestId && (
        <>
          {' '}
          <small>request {refusal.problem.requestId}</small>
        </>
      )}
      {again && passing.includes(refusal.problem.code) && (
        <>
          {' '}
          <button type="button" onClick={() => void again()}>
            Try again
          </button>
        </>
      )}
    </p>
  );

/** Codes of refusals that may be gone on the next try. */
const passing = [
  ...['unreachable', 'store_unavailable', 'identity_unavailable', 'master_key_unavailable'],
  ...['throttled', 'request_timeout', 'outcome_unknown', 'internal', 'console_ended', 'failed'],
];

export const sentenceOf = ({ problem: { code, detail } }: Refusal): string =>
  code === 'master_key_unavailable'
    ? keyGone
    : `${detail.charAt(0).toUpperCase()}${detail.slice(1).replace(/\.$/, '')}.`;

/** Shows that the page is waiting. The style sheet keeps the text invisible for the first 0.3 s. */
export const Waiting = ({
  isWaiting,
  children,
}: {
  readonly isWaiting: boolean;
  readonly children?: ComponentChildren;
}) => (
  <p class="waiting" role="status" aria-live="polite">
    {isWaiting && <StillWaiting>{children ?? 'Loading…'}</StillWaiting>}
  </p>
);

export const QueryStatus = ({
  of: { result, refusal, isWaiting, again },
  children,
}: {
  readonly of: QueryState<unknown>;
  readonly children?: ComponentChildren;
}) => (
  <>
    <RefusalNotice refusal={refusal} again={again} />
    {result === undefined && <Waiting isWaiting={isWaiting}>{children}</Waiting>}
  </>
);

/**
 * Names the node that does not answer, once the console's server has reported this. Until then,
 * shows the children.
 */
export const StillWaiting = ({ children }: { readonly children: ComponentChildren }) => {
  const [silent, setSilent] = useState<string>();
  useEffect(() => onSilence(setSilent), []);
  return <>{silent === undefined ? children : `No answer from ${silent}…`}</>;
};
