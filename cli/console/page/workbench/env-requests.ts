/** Builds the workbench's requests to the vault, and turns the answers into sentences and files. */
import type { ReplyOf } from '../../../../client/types.ts';
import type { Plan } from '../../../../functions/env/plan.ts';
import { counted } from '../counted.ts';
import type { AdoptChoices } from './adopting.ts';
import type { Check, CheckInput, EnvMode } from './file-check.ts';
import { maskedInput, maskedResult } from './masked-files.ts';

export type Choices = Pick<CheckInput, 'mode' | 'dialect'> & {
  /** Milliseconds since the epoch; `undefined` means now. */
  readonly at: number | undefined;
  readonly pin: boolean;
  readonly note: string;
} & AdoptChoices;

/** A file to show: the vault returned it or, for an adoption, the page made it. */
export type ResultFile = {
  readonly title: string;
  /** The suggested name for a download. */
  readonly fileName: string;
  /** The submitted file, without the values that were stored. */
  readonly before: string;
  readonly content: string;
  /** The content with masks in place of values; `undefined` if the values cannot be masked. */
  readonly masked: string | undefined;
  readonly holdsValues: boolean;
};

type Reply = ReplyOf<'submit-env'> & { readonly pinned?: string | undefined };

/** Builds the body of a request to encrypt, expand or submit a file. */
export const bodyOf = (
  { mode, values }: Pick<Check, 'mode' | 'values'>,
  content: string,
  { dialect, at, pin, note }: Omit<Choices, keyof AdoptChoices>,
  isDryRun: boolean,
) => ({
  content,
  dialect,
  ...(isDryRun && { dryRun: true }),
  ...(values.size > 0 && { values: Object.fromEntries(values) }),
  ...(mode !== 'expand' && note !== '' && { note }),
  ...(mode === 'expand' && at !== undefined && { at: new Date(at).toISOString() }),
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

/**
 * Returns the files to show for an answer: the result and, if it was asked for, the pinned file.
 */
export const filesOf = (
  mode: EnvMode,
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
