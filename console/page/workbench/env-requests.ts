/** Builds the workbench's requests to the vault, and puts the answers into words and files. */
import type { ReplyOf } from '../../../client/types.ts';
import type { Plan } from '../../../functions/env/plan.ts';
import { counted } from '../counted.ts';
import type { Check, CheckInput, Mode } from './file-check.ts';
import { maskedInput, maskedResult } from './masked-files.ts';

/** A person's choices for a file. */
export type Choices = Pick<CheckInput, 'mode' | 'dialect'> & {
  /** A local time, or '' for now. */
  readonly at: string;
  readonly pin: boolean;
  readonly note: string;
};

/** A file that the vault has made. */
export type ResultFile = {
  readonly title: string;
  /** The name for a download. */
  readonly fileName: string;
  /** The submitted file, without the values that were stored. */
  readonly before: string;
  readonly content: string;
  /** The content with masks in place of values; `undefined` if there is no such form. */
  readonly masked: string | undefined;
  readonly holdsValues: boolean;
};

type Reply = ReplyOf<'submit-env'> & { readonly pinned?: string | undefined };

/** The body of a request. A dry run stores nothing, so it has any value where nobody has typed one yet. */
export const bodyOf = (
  { mode, values }: Pick<Check, 'mode' | 'values'>,
  content: string,
  { dialect, at, pin, note }: Choices,
  isDryRun: boolean,
) => ({
  content,
  dialect,
  ...(isDryRun && { dryRun: true }),
  ...(values.size > 0 && { values: Object.fromEntries(values) }),
  ...(mode !== 'expand' && note !== '' && { note }),
  ...(mode === 'expand' && at !== '' && { at: new Date(at).toISOString() }),
  ...(mode === 'expand' && pin && { pin }),
});

export const sentencesAbout = ({ created, resolved }: Reply, isDryRun: boolean): string => {
  const [stored, read] = [created, resolved].map(({ length }) => counted(length, 'secret'));
  const hasRead = resolved.length > 0 || created.length === 0;
  const sentences = [
    ...(created.length > 0 && !isDryRun ? [`Stored ${stored}.`] : []),
    ...(hasRead ? [`Read ${read}.`] : []),
    ...(created.length > 0 && isDryRun ? [`It would store ${stored}.`] : []),
    ...(isDryRun ? ['Nothing was stored: this was a dry run.'] : []),
  ];
  return sentences.join(' ');
};

/** The files of an answer. */
export const filesOf = (
  mode: Mode,
  plan: Plan,
  { content, resolved, pinned }: Reply,
  isDryRun = false,
): ResultFile[] => {
  const before = maskedInput(plan);
  const holdsValues = resolved.length > 0;
  const extension = plan.dialect === 'json' ? 'json' : 'env';
  const result = {
    ...{
      title: isDryRun ? 'The file as it would become' : `The ${results[mode]} file`,
      fileName: `${results[mode]}.${extension}`,
      before,
      content,
    },
    ...{ masked: holdsValues ? maskedResult(plan) : content, holdsValues },
  };
  if (pinned === undefined) return [result];
  const pins = { title: 'The pinned file', fileName: 'pinned.env', before, content: pinned };
  return [result, { ...pins, masked: pinned, holdsValues: false }];
};

const results = { encrypt: 'encrypted', expand: 'expanded', submit: 'submitted' } as const;
