/**
 * CloudWatch metrics inside log lines, in the embedded metric format (EMF). Their alarms are in
 * template.yaml.
 */
import type { LogParts } from '../runtime/request-journal.ts';

/**
 * Returns the fields that turn a log line into CloudWatch metrics. Zeros are left out, except for
 * `Duration`, because the number of its samples is the number of requests.
 */
export const metricsOf: NonNullable<LogParts['metricsOf']> = (dimension, numbers) => {
  const counted = Object.entries(numbers).filter(([Name, n]) => n > 0 || Name === 'Duration');
  const Metrics = counted.map(([Name]) => ({
    Name,
    Unit: Name === 'Duration' ? 'Milliseconds' : 'Count',
  }));
  const directive = { Namespace: 'SecretsVault', Dimensions: [['service', dimension]], Metrics };
  const _aws = { Timestamp: Date.now(), CloudWatchMetrics: [directive] };
  return { _aws, ...Object.fromEntries(counted) };
};
