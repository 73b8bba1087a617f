/** After the suites of this project: ends what its set-up started. */
import { forgetServed } from './served.ts';

export default forgetServed;
