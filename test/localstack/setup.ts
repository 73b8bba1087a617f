/** Before the suites of this project: `npm run localstack`. */
import { serve } from '../support/served.ts';

export default (): Promise<void> => serve('localstack');
