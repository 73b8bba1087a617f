/** The requests and replies that the three routes for `.env` files share. */
import { boolean, custom, optional, strictObject, string } from 'valibot';
import { type Dialect, isDialect } from '../env/dialects/dialect.ts';
import type { Principal } from '../model/types.ts';
import type { FileAnswer, FileRequest } from '../vault/env-file.ts';
import { fingerprintOf } from './conditions.ts';
import { parseJson, stringMap } from './json.ts';
import { bodyOf, type Event, headerValue, invalid, queryOf } from './requests.ts';
import { type Reply, replayedHeader, type TextReply } from './responses.ts';

/** Members that the contract reserves. They are named, so that nobody believes they had an effect. */
const notYet = optional(custom<never>(() => false, 'is not served yet'));
const body = strictObject({
  content: string(),
  values: optional(stringMap),
  dialect: optional(string()),
  dryRun: optional(boolean()),
  at: notYet,
  pin: notYet,
});

type Parsed = Omit<FileRequest, 'mode'>;

/** A file as JSON, or bare as `text/plain` with its options in the query. */
export const fileRequest =
  (operation: string) =>
  (event: Event, principal: Principal): Parsed => {
    const { text, type } = bodyOf(event, ['application/json', 'text/plain']);
    const isText = type === 'text/plain';
    const sent = isText ? fromText(event, text) : fromJson(event, text);
    const request = {
      content: sent.content,
      values: new Map(Object.entries(sent.values ?? {})),
      dialect: dialectOf(sent.dialect ?? 'shell'),
      dryRun: sent.dryRun ?? false,
      reply: isText || asksForText(event) ? 'text' : 'json',
    } as const;
    const hasEffect = operation !== 'expand-env' && !request.dryRun;
    const content = contentOf(operation, request);
    return {
      ...request,
      // Without an effect there is nothing to repeat: the key, whatever it is, is not looked at.
      fingerprint: hasEffect ? fingerprintOf(event, principal, content) : undefined,
    };
  };

const fromJson = (event: Event, text: string) => {
  queryOf(event, []);
  return parseJson(text, body);
};

const fromText = (event: Event, content: string) => {
  const query = queryOf(event, ['dialect', 'dryRun', 'at']);
  if (query.has('at')) throw invalid('at', 'is not served yet');
  const dryRun = query.get('dryRun') ?? 'false';
  if (dryRun !== 'true' && dryRun !== 'false') throw invalid('dryRun', 'must be true or false');
  return { content, dialect: query.get('dialect'), dryRun: dryRun === 'true', values: undefined };
};

const dialectOf = (text: string): Dialect => {
  if (isDialect(text)) return text;
  throw invalid('dialect', 'must be shell or json');
};

const asksForText = (event: Event): boolean =>
  /^text\/plain\s*(;|$)/i.test(headerValue(event, 'accept')?.trim() ?? '');

/** All that makes two requests the same, but not the form of the reply. */
const contentOf = (operation: string, request: Omit<Parsed, 'fingerprint'>): string[] => [
  operation,
  request.content,
  request.dialect,
  ...[...request.values].sort(([a], [b]) => (a < b ? -1 : 1)).flat(),
];

export const fileReply = (
  { reply }: Pick<Parsed, 'reply'>,
  { content, created, resolved, warnings, replayed }: FileAnswer,
): Reply | TextReply => {
  const headers = replayedHeader(replayed);
  return reply === 'text'
    ? { status: 200, text: content, headers }
    : { status: 200, body: { content, created, resolved, warnings }, headers };
};
