/** An API with fake operations, for tests of the port in front of it. */
import { type Api, createApi } from '../../functions/api.ts';
import type { Handle, HttpReply } from '../../functions/http/messages.ts';
import type { Route } from '../../functions/http/route.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import type { Clock } from '../../functions/vault/request.ts';
import { readableJournal, someone } from './requests.ts';

export type Place = Pick<Route, 'operation' | 'method' | 'path'>;

/** Returns a reply with status 200 and this JSON. */
export const replyOf = (body: string, headers: HttpReply['headers'] = {}): HttpReply => ({
  status: 200,
  headers: { 'Content-Type': 'application/json', 'X-Request-Id': 'operation', ...headers },
  body,
});

/** Makes an API whose operations all answer by the function that `handleOf` returns for them. */
export const apiOf = (
  places: readonly Place[],
  handleOf: (place: Place) => Handle,
  { report, clock = machineClock }: { report: (line: string) => void; clock?: Clock },
): Api =>
  createApi(
    places.map((place) => ({ ...place, scopes: [], serve: () => handleOf(place) })),
    {
      authenticate: async () => someone(),
      clock,
      newWriteId: () => 'w-1',
      openJournal: () => ({ ...readableJournal(), close: () => undefined }),
      needs: undefined,
      report,
    },
  );
