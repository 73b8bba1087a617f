/** `.env` requests below HTTP, of which a test states only the parts that matter. */
import type { Principal } from '../../functions/model/types.ts';
import { expandEnv, type FileAnswer, type FileRequest } from '../../functions/vault/env-file.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { requestContext } from './requests.ts';

type Options = Partial<Omit<FileRequest, 'mode' | 'content'>>;

/** A request with default options, changed by `more`. */
export const file = (content: string, more: Options = {}): Omit<FileRequest, 'mode'> => ({
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

export const expandWith = (
  ports: Ports,
  principal: Principal,
  content: string,
  more: Options = {},
  context = requestContext(),
): Promise<FileAnswer> => expandEnv(ports)(context, principal, file(content, more));
