/** The requests and replies that the three routes for `.env` files share. */
import { boolean, type InferOutput, optional, strictObject, string } from 'valibot';
import { type Dialect, dialectNames, isDialect } from '../env/dialects/dialect.ts';
import type { FileAnswer, FileRequest } from '../vault/env-file.ts';
import type { Received } from './endpoint.ts';
import { parseJson, stringMap } from './json.ts';
import { fingerprintOf, instantOf } from './preconditions.ts';
import { type Event, headerValue, invalid, queryOf } from './requests.ts';
import { type Reply, replayedHeader, type TextReply } from './responses.ts';

const members = strictObject({
  content: string(),
  values: optional(stringMap),
  dialect: optional(string()),
  dryRun: optional(boolean()),
  at: optional(string()),
  pin: optional(boolean()),
});

/** The media types of a file. */
export const fileTypes = ['application/json', 'text/plain'] as const;

type Parsed = Omit<FileRequest, 'mode'>;

/** Parses a file that comes as JSON, or as `text/plain` with its options in the query. */
export const fileRequest =
  (operation: string) =>
  (event: Event, { principal, body, now }: Received): Parsed => {
    const isText = body.type === 'text/plain';
    const sent: Sent = isText ? fromText(event, body.text) : fromJson(event, body.text);
    const reply = isText || asksForText(event) ? 'text' : 'json';
    requireFor(operation, reply, sent);
    const request = {
      content: sent.content,
      values: new Map(Object.entries(sent.values ?? {})),
      dialect: dialectOf(sent.dialect ?? 'shell'),
      dryRun: sent.dryRun ?? false,
      reply,
      at: sent.at === undefined ? undefined : instantOf(sent.at, now),
      pin: sent.pin ?? false,
    } as const;
    const hasEffect = operation !== 'expand-env' && !request.dryRun;
    const content = contentOf(operation, request);
    return {
      ...request,
      // A request without an effect needs no record, so its key is ignored.
      fingerprint: hasEffect ? fingerprintOf(event, principal, content) : undefined,
    };
  };

type Sent = InferOutput<typeof members>;

/** Throws for an option that has no effect on this operation, so that no caller relies on it. */
const requireFor = (operation: string, reply: 'json' | 'text', { at, pin }: Sent): void => {
  const expanding = operation === 'expand-env';
  if (at !== undefined && !expanding) throw invalid('at', 'is only for expand');
  if (pin !== undefined && !expanding) throw invalid('pin', 'is only for expand');
  if (pin && reply === 'text') throw invalid('pin', 'needs a reply of JSON');
};

const fromJson = (event: Event, text: string): Sent => {
  queryOf(event, []);
  return parseJson(text, members);
};

const fromText = (event: Event, content: string): Sent => {
  const query = queryOf(event, ['dialect', 'dryRun', 'at', 'pin']);
  if (query.has('pin')) throw invalid('pin', 'is only for JSON requests');
  const dryRun = query.get('dryRun') ?? 'false';
  if (dryRun !== 'true' && dryRun !== 'false') throw invalid('dryRun', 'must be true or false');
  const [dialect, at] = [query.get('dialect'), query.get('at')];
  return { content, dialect, dryRun: dryRun === 'true', at };
};

const dialectOf = (text: string): Dialect => {
  if (isDialect(text)) return text;
  throw invalid('dialect', `must be one of ${dialectNames}`);
};

const asksForText = (event: Event): boolean =>
  /^text\/plain\s*(;|$)/i.test(headerValue(event, 'accept')?.trim() ?? '');

/** Everything that a repetition must share. The form of the reply may differ. */
const contentOf = (operation: string, request: Omit<Parsed, 'fingerprint'>): string[] => [
  operation,
  request.content,
  request.dialect,
  ...[...request.values].sort(([a], [b]) => (a < b ? -1 : 1)).flat(),
];

export const fileReply = (
  { reply }: Pick<Parsed, 'reply'>,
  { content, created, resolved, warnings, pinned, replayed }: FileAnswer,
): Reply | TextReply => {
  const headers = replayedHeader(replayed);
  return reply === 'text'
    ? { status: 200, text: content, headers }
    : { status: 200, body: { content, created, resolved, warnings, pinned }, headers };
};
