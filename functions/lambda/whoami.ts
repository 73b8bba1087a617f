import { whoamiRoute } from '../whoami.ts';
import { withToken } from './endpoint.ts';

export const handler = withToken(whoamiRoute);
