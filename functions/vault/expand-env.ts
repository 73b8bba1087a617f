import { anchored, tagOfParts } from '../crypto/fingerprint.ts';
import { planFile } from '../env/plan.ts';
import { renderFile } from '../env/render.ts';
import { readHeads, requireVersions, type Versions } from './env-lookup.ts';
import { compareAll, openAll } from './env-values.ts';
import { operation, type Ports } from './request.ts';
import type { FileAnswer, FileRequest } from './submit-env.ts';

export type ExpandEnv = FileRequest & {
  /** The instant as of which the secrets are read; `undefined` means now. */
  readonly at: number | undefined;
  /** Whether to return the pinned file as well. Only with a JSON reply. */
  readonly pin: boolean;
  /** The tag of an earlier answer. If the answer would still be the same, it is not sent again. */
  readonly unless?: string | undefined;
};
/** The expanded file with its tag. Equal tags mean equal answers. */
export type ExpandedFile = FileAnswer & { readonly tag: string };
/** The answer is the one that the caller has already, with the tag `unless`. */
export type UnchangedFile = { readonly unchanged: true; readonly tag: string };

/**
 * Resolves the `secret()` references of a `.env` file from one snapshot of its names, as of now or
 * of the instant `at`. Throws `invalid_env` with every bad line, which includes each `enc()`.
 * Throws `not_found`, `pin_mismatch` or `version_destroyed` with every such reference, `too_large`,
 * and the errors of reads and data keys.
 */
export const expandEnv = (ports: Ports) =>
  operation(ports, async (vault, request: ExpandEnv): Promise<ExpandedFile | UnchangedFile> => {
    const { at, pin, unless, reply } = request;
    const plan = planFile({ ...request, mode: 'expand' });
    const heads = await readHeads(vault, plan.read);
    const versions = await requireVersions(vault, { plan, at }, heads);
    const tag = tagOf(request, versions);
    const unpinned = at === undefined ? 'current' : 'past';
    if (tag === unless) {
      compareAll(vault, versions, unpinned);
      return { unchanged: true, tag };
    }
    const values = await openAll(vault, plan, versions, unpinned);
    const rendered = renderFile(plan, values, reply, pin ? versions : undefined);
    const resolved = [...versions.values()].map(anchored);
    return { ...rendered, created: [], resolved, tag, replayed: false };
  });

/** Makes the tag of an answer. It must cover everything that the answer depends on. */
const tagOf = ({ content, dialect, reply, pin }: ExpandEnv, versions: Versions): string =>
  tagOfParts([
    content,
    dialect,
    reply,
    String(pin),
    ...[...versions].flatMap(([reference, { writeId }]) => [reference, writeId]),
  ]);
