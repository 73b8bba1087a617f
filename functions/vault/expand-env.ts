import type { Principal } from '../model/types.ts';
import { type FileAnswer, type FileRequest, processFile } from './env-file.ts';
import type { Ports, RequestContext } from './ports.ts';

/**
 * Resolves `secret()` as of now or of the instant `at`, and refuses `enc()`. It writes nothing, so it ignores an
 * idempotency key.
 */
export const expandEnv =
  (ports: Ports) =>
  (
    context: RequestContext,
    principal: Principal,
    request: Omit<FileRequest, 'mode' | 'fingerprint'>,
  ): Promise<FileAnswer> =>
    processFile(ports, context, principal, {
      ...request,
      mode: 'expand',
      fingerprint: undefined,
    });
