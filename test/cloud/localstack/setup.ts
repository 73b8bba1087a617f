/** Starts `npm run stack -- localstack` before the suites of this project. */
import { serve } from '../../support/served.ts';

export default (): Promise<void> => serve('localstack');
