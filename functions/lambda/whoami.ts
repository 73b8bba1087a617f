import { whoamiRoute } from '../whoami.ts';
import { onLambda } from './endpoint.ts';

export const handler = onLambda(whoamiRoute, undefined);
