/** Shows why a question has no answer: it was refused, or somebody does not answer yet. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { keyGone } from './node-answers.ts';
import type { QueryState } from './query-hooks.ts';
import { onSilence, type Refusal } from './session.ts';

/** Says why an action or a question was refused, to screen readers too. `advice` says what to do. */
export const RefusalNotice = ({
  refusal,
  advice,
  again,
}: {
  readonly refusal: Refusal | undefined;
  readonly advice?: string | undefined;
  /** Asks again, by a button that appears after refusals that may pass by themselves. */
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

/** The codes of refusals that may pass by themselves. */
const passing = [
  ...['unreachable', 'store_unavailable', 'identity_unavailable', 'master_key_unavailable'],
  ...['throttled', 'request_timeout', 'outcome_unknown', 'internal', 'console_ended', 'failed'],
];

export const sentenceOf = ({ problem: { code, detail } }: Refusal): string =>
  code === 'master_key_unavailable'
    ? keyGone
    : `${detail.charAt(0).toUpperCase()}${detail.slice(1).replace(/\.$/, '')}.`;

/** Shows after 0.3 s that the page waits. */
export const Waiting = ({
  isWaiting,
  children,
}: {
  readonly isWaiting: boolean;
  readonly children?: ComponentChildren;
}) => (
  <p class="waiting" role="status" aria-live="polite">
    {isWaiting && <StillWaiting>{children ?? 'Loading …'}</StillWaiting>}
  </p>
);

/** Shows that a question was refused, or that nothing has answered it yet. */
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

/** Names who gives no answer, once the server says that somebody is silent; until then shows its children. */
export const StillWaiting = ({ children }: { readonly children: ComponentChildren }) => {
  const [silent, setSilent] = useState<string>();
  useEffect(() => onSilence(setSilent), []);
  return <>{silent === undefined ? children : `No answer from ${silent} …`}</>;
};
