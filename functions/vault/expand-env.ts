import type { Principal } from '../model/types.ts';
import { type FileAnswer, type FileRequest, processFile } from './env-file.ts';
import type { Ports, RequestContext } from './ports.ts';

/**
 * Resolves `secret()` at one instant, now or `at` another, and refuses `enc()`: writes nothing, so no
 * key is kept.
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
