/** The operations of the vault without HTTP. A test states only the parts that matter to it. */
import { type Fingerprint, fingerprint } from '../../functions/crypto/fingerprint.ts';
import type { Principal } from '../../functions/model/types.ts';
import { type CopySecret, copySecret } from '../../functions/vault/copy-secret.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { deleteSecret } from '../../functions/vault/delete-secret.ts';
import { destroyVersion } from '../../functions/vault/destroy-version.ts';
import { type ExpandEnv, type ExpandedFile, expandEnv } from '../../functions/vault/expand-env.ts';
import { type ExplainSecret, explainSecret } from '../../functions/vault/explain-secret.ts';
import { type GetSecret, getSecret } from '../../functions/vault/get-secret.ts';
import { type ListSecrets, listSecrets } from '../../functions/vault/list-secrets.ts';
import { type ListVersions, listVersions } from '../../functions/vault/list-versions.ts';
import type { Clock, Ports, RequestContext } from '../../functions/vault/request.ts';
import { encryptEnv, type SubmitEnv, submitEnv } from '../../functions/vault/submit-env.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from './changed-ports.ts';
import type { Embedded } from './embedded.ts';
import { bytes, requestContext } from './requests.ts';

export type RequestOptions = {
  /**
   * The context of the request. Without it, one is made with the instant `now` and with `clock`.
   */
  readonly context?: RequestContext;
  readonly now?: number;
  readonly clock?: Clock;
  readonly key?: string | undefined;
  readonly note?: string | undefined;
};
export type Value = string | Uint8Array;
type FileRequest = SubmitEnv & ExpandEnv;
type FileOptions = Partial<Omit<FileRequest, 'content'>>;

/**
 * Makes the request for a file with this content and default options. `more` changes the options.
 */
export const file = (content: string, more: FileOptions = {}): FileRequest => ({
  content,
  values: new Map(),
  dialect: 'shell',
  dryRun: false,
  reply: 'json',
  at: undefined,
  pin: false,
  fingerprint: undefined,
  ...more,
});
type FileRequestOptions = RequestOptions & Omit<FileOptions, 'fingerprint'>;

const asBytes = (value: Value): Uint8Array => (typeof value === 'string' ? bytes(value) : value);
const contextOf = ({ context, now, clock }: RequestOptions): RequestContext =>
  context ?? requestContext({ ...(now !== undefined && { now }), ...(clock && { clock }) });
const printOf = (
  key: string | undefined,
  principal: Principal,
  content: readonly (Value | undefined)[],
): Fingerprint | undefined =>
  key === undefined ? undefined : fingerprint(key, principal, content);

/** Expands a file for a caller that has no earlier answer. */
export const expandWhole =
  (ports: Ports) =>
  async (...asked: EnvAsked): Promise<ExpandedFile> => {
    const answer = await expandEnv(ports)(...asked);
    if ('unchanged' in answer) throw new Error('an expansion without unless has a content');
    return answer;
  };

/** The versions in a precondition such as `If-Match`, as numbers or as texts. */
type Tags = '*' | readonly (number | string)[];
const textsOf = (tags: Tags | undefined) => (tags === '*' ? tags : tags?.map(String));

export const vaultOver = (ports: Ports) => {
  const env =
    <Answer>(operation: (ports: Ports) => (...asked: EnvAsked) => Promise<Answer>) =>
    (principal: Principal, content: string, asked: FileRequestOptions = {}): Promise<Answer> => {
      const { context: _, now: __, clock: ___, key, ...more } = asked;
      const print = printOf(key, principal, ['env', content]);
      const request = file(content, { ...more, fingerprint: print });
      return operation(ports)(contextOf(asked), principal, request);
    };
  return {
    create: (principal: Principal, name: string, value: Value, asked: RequestOptions = {}) =>
      createSecret(ports)(contextOf(asked), principal, {
        name,
        value: asBytes(value),
        note: asked.note,
        fingerprint: printOf(asked.key, principal, ['create-secret', name, value]),
      }),
    /** Updates a secret. Each call stands for a host of its own, so concurrent updates race. */
    update: (
      principal: Principal,
      name: string,
      value: Value,
      asked: RequestOptions & { readonly ifMatch?: Tags | undefined } = {},
    ) =>
      updateSecret(ports)(contextOf(asked), principal, {
        name,
        value: asBytes(value),
        note: asked.note,
        ifMatch: textsOf(asked.ifMatch),
        fingerprint: printOf(asked.key, principal, [
          'update-secret',
          name,
          value,
          asked.ifMatch?.toString(),
        ]),
      }),
    /**
     * Copies a version to a secret: by default the current version of `from.name` or, without that,
     * of the secret itself.
     */
    copy: (
      principal: Principal,
      name: string,
      from: Partial<CopySecret['from']>,
      asked: RequestOptions & Partial<Pick<CopySecret, 'create' | 'ifMatch'>> = {},
    ) => {
      const source = { name: from.name ?? name, version: from.version };
      return copySecret(ports)(contextOf(asked), principal, {
        name,
        from: source,
        create: asked.create ?? false,
        note: asked.note,
        ifMatch: asked.ifMatch,
        fingerprint: printOf(asked.key, principal, [
          ...['copy-secret', name, source.name, String(source.version)],
          ...[String(asked.create), asked.ifMatch?.toString()],
        ]),
      });
    },
    delete: (
      principal: Principal,
      name: string,
      asked: RequestOptions & { readonly ifMatch?: Tags | undefined } = {},
    ) =>
      deleteSecret(ports)(contextOf(asked), principal, {
        name,
        note: asked.note,
        ifMatch: textsOf(asked.ifMatch),
        fingerprint: printOf(asked.key, principal, ['delete-secret', name]),
      }),
    destroy: (principal: Principal, name: string, version: number, asked: RequestOptions = {}) =>
      destroyVersion(ports)(contextOf(asked), principal, { name, version }),
    get: async (
      principal: Principal,
      name: string,
      which: GetSecret['which'] = 'latest',
      asked: RequestOptions = {},
    ) => {
      const { stored, value } = await getSecret(ports)(contextOf(asked), principal, {
        name,
        which,
      });
      if (value === undefined) throw new Error('a get without If-None-Match has a value');
      return { stored, value, text: Buffer.from(value).toString() };
    },
    /**
     * Gets the current version unless the caller already has it. Returns the number of the version,
     * and whether the caller has it.
     */
    getUnless: async (
      principal: Principal,
      name: string,
      ifNoneMatch: Tags | undefined,
      asked: RequestOptions = {},
    ) => {
      const { stored, value } = await getSecret(ports)(contextOf(asked), principal, {
        name,
        which: 'latest',
        ifNoneMatch: textsOf(ifNoneMatch),
      });
      return { version: stored.version, isUnchanged: value === undefined };
    },
    /**
     * Explains a secret to the caller. `caller` replaces its scopes and names by those of somebody
     * else.
     */
    explain: (
      principal: Principal,
      name: string,
      caller: ExplainSecret['caller'] = {},
      asked: RequestOptions = {},
    ) => explainSecret(ports)(contextOf(asked), principal, { name, caller }),
    /** Lists a page of versions: by default the newest fifty, without values. */
    versions: (
      principal: Principal,
      name: string,
      page: Partial<Omit<ListVersions, 'name'>> = {},
      asked: RequestOptions = {},
    ) =>
      listVersions(ports)(contextOf(asked), principal, {
        name,
        order: 'desc',
        limit: 50,
        after: undefined,
        includeValues: false,
        ...page,
      }),
    /** Lists a page of names: by default the first hundred. */
    names: (principal: Principal, range: Partial<ListSecrets> = {}, asked: RequestOptions = {}) =>
      listSecrets(ports)(contextOf(asked), principal, {
        state: 'stored',
        includeDetails: false,
        prefix: '',
        after: undefined,
        limit: 100,
        ...range,
      }),
    encrypt: env(encryptEnv),
    expand: env(expandWhole),
    /** Expands a file for a caller that may have an earlier answer; `unless` is its tag. */
    expandUnless: env(expandEnv),
    submit: env(submitEnv),
  };
};
type EnvAsked = [RequestContext, Principal, ReturnType<typeof file>];

/**
 * The ports of a host that never finds an idempotency record when it looks, so that only the
 * condition of its write meets the record.
 */
export const withoutRecords = (ports: Ports): Ports =>
  changedPorts(ports, { store: () => ({ findRecord: async () => undefined }) });

/** Disables the master key while `work` runs. */
export const whileDisabled = async (
  { setKeyState }: Pick<Embedded, 'setKeyState'>,
  work: () => Promise<unknown>,
): Promise<void> => {
  setKeyState('Disabled');
  try {
    await work();
  } finally {
    setKeyState('Enabled');
  }
};
