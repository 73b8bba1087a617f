/** The log of a function, whose lines CloudWatch also reads as metrics. */
import { writeToOutput as write } from '../runtime/log-line.ts';
import { createLog } from '../runtime/request-journal.ts';
import { metricsOf } from './cloudwatch-metrics.ts';
import { readServiceName } from './config.ts';

const now = () => Date.now();

/** Each execution environment of a function has its own run of lines. */
export const log = createLog({ service: readServiceName(), now, write, metricsOf });
