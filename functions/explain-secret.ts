import { anchorOf } from './crypto/fingerprint.ts';
import { invalid, pathName, queryOf } from './http/requests.ts';
import { route } from './http/route.ts';
import { limits } from './model/limits.ts';
import {
  formatInstant,
  type Head,
  isNamePattern,
  isScope,
  keyIdOf,
  scopes,
} from './model/types.ts';
import { type ExplainSecret, explainSecret } from './vault/explain-secret.ts';

const wordsOf = (text: string | undefined): readonly string[] | undefined => text?.split(',');

const callerOf = (query: ReadonlyMap<string, string>): ExplainSecret['caller'] => {
  const [asked, names] = [wordsOf(query.get('scopes')), wordsOf(query.get('names'))];
  if (asked && !asked.every(isScope)) {
    throw invalid('scopes', `scopes must be a comma-separated list of ${scopes.join(', ')}`);
  }
  const { namePatternsMax: max } = limits;
  if (names && (names.length > max || !names.every(isNamePattern))) {
    throw invalid('names', `names must be 1 to ${max} name patterns, separated by commas`);
  }
  return { ...(asked && { scopes: asked }), ...(names && { names }) };
};

const currentOf = (head: Head) => ({
  version: head.version,
  anchor: anchorOf(head),
  validFrom: formatInstant(head.validFrom),
  createdBy: head.createdBy,
  note: head.note,
  ...(head.state === 'stored' && { masterKeyId: keyIdOf(head.masterKeyId) }),
});

/**
 * GET /v1/secrets/{name}/explain: why a caller can or cannot read a secret. Never returns the
 * value.
 */
export const explainSecretRoute = route({
  operation: 'explain-secret',
  method: 'GET',
  path: '/v1/secrets/{name}/explain',
  scopes: ['secrets:explain'],
  parse: (received): ExplainSecret => ({
    name: pathName(received),
    caller: callerOf(queryOf(received, ['scopes', 'names'])),
  }),
  run: explainSecret,
  reply: ({ head, masterKey, readCost, caller }, { name }) => {
    const { state, id = null, sealedCurrent = null } = masterKey;
    const { scopes: held, names, pattern, access } = caller;
    return {
      status: 200,
      body: {
        name,
        exists: head?.state === 'stored',
        deleted: head?.state === 'deleted',
        current: head ? currentOf(head) : null,
        masterKey: { state, id, sealedCurrent },
        readCost,
        caller: { scopes: held, names, pattern: pattern ?? null, ...access },
      },
    };
  },
});
