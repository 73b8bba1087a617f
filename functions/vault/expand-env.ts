import { anchored, tagOfParts } from '../crypto/fingerprint.ts';
import { planFile } from '../env/plan.ts';
import { renderFile } from '../env/render.ts';
import { readHeads, requireVersions, type Versions } from './env-lookup.ts';
import { compareAll, openAll } from './env-values.ts';
import { operation, type Ports } from './request.ts';
import type { FileAnswer, FileRequest } from './submit-env.ts';

export type ExpandEnv = FileRequest & {
  /** The instant whose secrets are read; `undefined` for the current ones. */
  readonly at: number | undefined;
  /** Whether the pinned file is requested too. Only with a JSON reply. */
  readonly pin: boolean;
  /** The tag of an earlier answer. If the answer would be the same, it is not given again. */
  readonly unless?: string | undefined;
};
/** The same tag stands for the same answer. */
export type ExpandedFile = FileAnswer & { readonly tag: string };
/** The answer with the tag `unless`, which the caller has already. */
export type UnchangedFile = { readonly unchanged: true; readonly tag: string };

/**
 * Resolves the `secret()` of a `.env` file as of now or of the instant `at`, by one snapshot of its names.
 * Throws `invalid_env` (with every bad line, also each `enc()`), `not_found`, `pin_mismatch` or
 * `version_destroyed` (with every such reference), `too_large`, and the errors of reads and data keys.
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

/** Covers everything on which the answer depends. */
const tagOf = ({ content, dialect, reply, pin }: ExpandEnv, versions: Versions): string =>
  tagOfParts([
    content,
    dialect,
    reply,
    String(pin),
    ...[...versions].flatMap(([reference, { writeId }]) => [reference, writeId]),
  ]);
