/** Parses the requests of the three routes for `.env` files, and builds their replies. */
import { boolean, type InferOutput, optional, strictObject, string } from 'valibot';
import { dialectNames, isDialect } from '../env/dialects/dialect.ts';
import { errorDetail } from '../env/error-details.ts';
import type { ExpandEnv, ExpandedFile, UnchangedFile } from '../vault/expand-env.ts';
import type { FileAnswer, FileRequest, SubmitEnv } from '../vault/submit-env.ts';
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

type EnvBody = InferOutput<typeof bodySchema>;

/** Parses a request to store the new values in a file and to resolve its references. */
export const submitRequest = (received: ReceivedRequest): SubmitEnv =>
  writeRequest('submit-env', received);

/** Parses a request to store the new values in a file. */
export const encryptRequest = (received: ReceivedRequest): SubmitEnv =>
  writeRequest('encrypt-env', received);

const writeRequest = (operation: string, received: ReceivedRequest): SubmitEnv => {
  const { sent, reply } = sentBy(received);
  for (const option of ['at', 'pin', 'unless'] as const) {
    if (sent[option] !== undefined)
      throw invalid(option, `${option} is only for POST /v1/env/expand`);
  }
  const { dryRun = false, note } = sent;
  const ifVersions = sent.ifVersions && new Map(Object.entries(sent.ifVersions));
  const file = fileOf(sent, reply);
  // Everything that a repetition must have in common with the first request. The form of the reply
  // may differ.
  const content = [
    operation,
    file.content,
    file.dialect,
    ...[...file.values].sort(([a], [b]) => (a < b ? -1 : 1)).flat(),
    ...given(note),
    // In this list, `undefined` marks where the expected versions begin, since a value or a note
    // may be the same text as they are.
    ...(ifVersions ? [undefined, JSON.stringify([...ifVersions].sort())] : []),
  ];
  // A dry run writes nothing, not even a record, so its idempotency key is ignored.
  const fingerprint = dryRun ? undefined : fingerprintOf(received, content);
  return { ...file, ifVersions, dryRun, note, fingerprint };
};

/** Parses a request to resolve the references in a file. */
export const expandRequest = (received: ReceivedRequest): ExpandEnv => {
  const { sent, reply } = sentBy(received);
  const { at, pin = false, note, unless, ifVersions } = sent;
  if (ifVersions !== undefined)
    throw invalid('ifVersions', 'ifVersions is only for requests that store secrets');
  if (note !== undefined) throw invalid('note', 'note is only for requests that store secrets');
  if (unless !== undefined && reply === 'text') throw invalid('unless', needsJson('unless'));
  if (pin && reply === 'text') throw invalid('pin', needsJson('pin'));
  const file = fileOf(sent, reply);
  const instant = at === undefined ? undefined : instantOf(at, received.now);
  if (unless !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(unless)) {
    throw invalid('unless', 'unless must be the tag of an earlier reply');
  }
  return { ...file, at: instant, pin, unless };
};

const needsJson = (option: string) => `${option} needs a JSON reply; do not ask for text/plain`;

/** Reads a file sent as JSON, or as `text/plain` with its options in the query. */
const sentBy = (received: ReceivedRequest): { sent: EnvBody; reply: FileRequest['reply'] } => {
  const { text, type } = received.body;
  if (type !== 'text/plain') {
    if (received.query.length > 0) {
      throw invalid(
        'query',
        'with a JSON body, the route takes no query parameters: send dialect, dryRun and at in the body',
      );
    }
    const accepted = headerValues(received, 'accept').join(', ').trim();
    const reply = /^text\/plain\s*(;|$)/i.test(accepted) ? 'text' : 'json';
    return { sent: parseJson(text, bodySchema), reply };
  }
  const query = queryOf(received, ['dialect', 'dryRun', 'at', 'pin']);
  if (query.has('pin')) throw invalid('pin', 'pin needs a request with a JSON body');
  const dryRun = choiceOf(query, 'dryRun', ['true', 'false']) === 'true';
  const [dialect, at] = [query.get('dialect'), query.get('at')];
  return { sent: { content: text, dialect, dryRun, at }, reply: 'text' };
};

const fileOf = (
  { content, values = {}, dialect = 'shell' }: EnvBody,
  reply: FileRequest['reply'],
): FileRequest => {
  if (!isDialect(dialect)) throw invalid('dialect', `dialect must be one of ${dialectNames}`);
  return { content, values: new Map(Object.entries(values)), dialect, reply };
};

export const fileReply = (
  answer: (FileAnswer & Partial<Pick<ExpandedFile, 'tag'>>) | UnchangedFile,
  { reply }: Pick<FileRequest, 'reply'>,
): Reply | TextReply => {
  if ('unchanged' in answer) return { status: 200, body: answer };
  const { content, created, resolved, warnings, pinned, tag, replayed } = answer;
  const headers = replayedHeader(replayed);
  return reply === 'text'
    ? { status: 200, text: content, headers }
    : { status: 200, body: { content, created, resolved, warnings, pinned, tag }, headers };
};

/**
 * The settings that the endpoints for `.env` files share: the media types that they take, the form
 * of their replies, and the sentences about the errors of a file.
 */
export const fileEndpoint = {
  takes: ['application/json', 'text/plain'],
  reply: fileReply,
  explain: errorDetail,
};
