/**
 * Like Jest, starts the test files first that took longest in the last run. In a fresh clone Jest
 * knows no durations and uses file sizes. In that case e2e goes first, because its files start many
 * programs and wait for them.
 */
import Sequencer from '@jest/test-sequencer';

const rank = ({ duration, context }) =>
  duration === undefined && context.config.displayName?.name === 'e2e' ? 0 : 1;

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rank(one) - rank(other));
  }
}
