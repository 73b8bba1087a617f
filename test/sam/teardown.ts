/** After the suites of this project: ends what its set-up started. */
import { endServed } from '../support/served.ts';

export default endServed;
