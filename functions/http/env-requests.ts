/** The requests, the replies and the endpoints of the three routes for `.env` files. */
import { boolean, type InferOutput, optional, strictObject, string } from 'valibot';
import { type Dialect, dialectNames, isDialect } from '../env/dialects/dialect.ts';
import type { ExpandEnv, ExpandedFile, UnchangedFile } from '../vault/expand-env.ts';
import type { FileAnswer, SubmitEnv } from '../vault/submit-env.ts';
import { noteProperty, parseJson, stringMap, versionMap } from './bodies.ts';
import {
  choiceOf,
  fingerprintOf,
  given,
  headerValues,
  instantOf,
  invalid,
  queryOf,
  type ReceivedRequest,
} from './requests.ts';
import { type Reply, replayedHeader, type TextReply } from './responses.ts';

const bodySchema = strictObject({
  content: string(),
  values: optional(stringMap),
  ifVersions: optional(versionMap),
  dialect: optional(string()),
  dryRun: optional(boolean()),
  at: optional(string()),
  pin: optional(boolean()),
  note: noteProperty,
  unless: optional(string()),
});

type EnvRequest = SubmitEnv & ExpandEnv;

/** The parts of an endpoint that are the same for each operation on a file. */
export const fileEndpoint = (operation: string) => ({
  operation,
  takes: ['application/json', 'text/plain'],
  parse: fileRequest(operation),
  reply: fileReply,
});

/** Parses a file that comes as JSON, or as `text/plain` with its options in the query. */
const fileRequest =
  (operation: string) =>
  (received: ReceivedRequest): EnvRequest => {
    const isText = received.body.type === 'text/plain';
    const sent: EnvBody = isText ? fromText(received) : fromJson(received);
    const reply = isText || asksForText(received) ? 'text' : 'json';
    requireFor(operation, reply, sent);
    const request = {
      content: sent.content,
      values: new Map(Object.entries(sent.values ?? {})),
      ifVersions: sent.ifVersions && new Map(Object.entries(sent.ifVersions)),
      dialect: dialectOf(sent.dialect ?? 'shell'),
      dryRun: sent.dryRun ?? false,
      reply,
      at: sent.at === undefined ? undefined : instantOf(sent.at, received.now),
      pin: sent.pin ?? false,
      note: sent.note,
      unless: sent.unless === undefined ? undefined : tagOf(sent.unless),
    } as const;
    const hasEffect = operation !== 'expand-env' && !request.dryRun;
    const content = contentOf(operation, request);
    return {
      ...request,
      // A request without an effect needs no record, so its key is ignored.
      fingerprint: hasEffect ? fingerprintOf(received, content) : undefined,
    };
  };

type EnvBody = InferOutput<typeof bodySchema>;

/** Throws for an option that has no effect on this operation, so that no caller relies on it. */
const requireFor = (
  operation: string,
  reply: 'json' | 'text',
  { at, pin, note, unless, ifVersions }: EnvBody,
): void => {
  const expanding = operation === 'expand-env';
  if (at !== undefined && !expanding) throw invalid('at', 'is only for expand');
  if (pin !== undefined && !expanding) throw invalid('pin', 'is only for expand');
  if (unless !== undefined && !expanding) throw invalid('unless', 'is only for expand');
  if (ifVersions !== undefined && expanding) {
    throw invalid('ifVersions', 'is for secrets that are updated');
  }
  if (note !== undefined && expanding) throw invalid('note', 'is for secrets that are created');
  if (unless !== undefined && reply === 'text') throw invalid('unless', 'needs a reply of JSON');
  if (pin && reply === 'text') throw invalid('pin', 'needs a reply of JSON');
};

const fromJson = (received: ReceivedRequest): EnvBody => {
  queryOf(received, []);
  return parseJson(received.body.text, bodySchema);
};

const fromText = (received: ReceivedRequest): EnvBody => {
  const query = queryOf(received, ['dialect', 'dryRun', 'at', 'pin']);
  if (query.has('pin')) throw invalid('pin', 'is only for JSON requests');
  const dryRun = choiceOf(query, 'dryRun', ['true', 'false']) === 'true';
  const [dialect, at] = [query.get('dialect'), query.get('at')];
  return { content: received.body.text, dialect, dryRun, at };
};

const dialectOf = (text: string): Dialect => {
  if (isDialect(text)) return text;
  throw invalid('dialect', `must be one of ${dialectNames}`);
};

const tagOf = (text: string): string => {
  if (/^[A-Za-z0-9_-]{43}$/.test(text)) return text;
  throw invalid('unless', 'is no tag of an earlier answer');
};

const asksForText = (received: ReceivedRequest): boolean =>
  /^text\/plain\s*(;|$)/i.test(headerValues(received, 'accept').join(', ').trim());

/** Everything that a repetition must share. The form of the reply may differ. */
const contentOf = (
  operation: string,
  request: Omit<EnvRequest, 'fingerprint'>,
): (string | undefined)[] => [
  operation,
  request.content,
  request.dialect,
  ...[...request.values].sort(([a], [b]) => (a < b ? -1 : 1)).flat(),
  ...given(request.note),
  // A mark stands before them, because a value or a note may be the same text.
  ...(request.ifVersions ? [undefined, JSON.stringify([...request.ifVersions].sort())] : []),
];

export const fileReply = (
  answer: (FileAnswer & Partial<Pick<ExpandedFile, 'tag'>>) | UnchangedFile,
  { reply }: Pick<EnvRequest, 'reply'>,
): Reply | TextReply => {
  if ('unchanged' in answer) return { status: 200, body: answer };
  const { content, created, resolved, warnings, pinned, tag, replayed } = answer;
  const headers = replayedHeader(replayed);
  return reply === 'text'
    ? { status: 200, text: content, headers }
    : { status: 200, body: { content, created, resolved, warnings, pinned, tag }, headers };
};
