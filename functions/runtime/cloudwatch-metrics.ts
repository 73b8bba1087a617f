/**
 * CloudWatch metrics inside log lines, in the embedded metric format (EMF). Their alarms are in
 * template.yaml.
 */
import { isOnLambda } from './config.ts';

const onLambda = isOnLambda();

/**
 * Returns the fields that turn a log line into CloudWatch metrics: each of `numbers` becomes a
 * metric, counted separately for each value of the field that `dimension` names. Zeros are left
 * out, except for `Duration`, because the number of its samples is the number of requests. Returns
 * no fields outside Lambda.
 */
export const metricsOf = (
  dimension: 'operation' | 'decision',
  numbers: Readonly<Record<string, number>>,
): object => {
  if (!onLambda) return {};
  const counted = Object.entries(numbers).filter(([Name, n]) => n > 0 || Name === 'Duration');
  const Metrics = counted.map(([Name]) => ({
    Name,
    Unit: Name === 'Duration' ? 'Milliseconds' : 'Count',
  }));
  const directive = { Namespace: 'SecretsVault', Dimensions: [['service', dimension]], Metrics };
  const _aws = { Timestamp: Date.now(), CloudWatchMetrics: [directive] };
  return { _aws, ...Object.fromEntries(counted) };
};
