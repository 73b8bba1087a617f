/** Ends what setup.ts started, after the suites of this project. */
import { endServed } from '../../support/served.ts';

export default endServed;
