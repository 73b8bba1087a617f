/** Before the suites of this project: `npm run sam`. */
import { serve } from '../support/served.ts';

export default (): Promise<void> => serve('sam');
