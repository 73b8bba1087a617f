/** Reads the state of a project's containers from Docker. */
import * as v from 'valibot';
import { failure } from '../host/command.ts';
import { docker } from './docker.ts';

export type Container = {
  readonly id: string;
  /** `killed` by `docker kill`, `stopped` by `docker stop`, `ended` by itself. */
  readonly state: 'running' | 'paused' | 'stopped' | 'killed' | 'ended';
  /** The names of the networks that the container is connected to. */
  readonly networks: readonly string[];
};

const inspected = v.object({
  Id: v.string(),
  State: v.object({ Status: v.string(), ExitCode: v.number() }),
  NetworkSettings: v.object({ Networks: v.record(v.string(), v.unknown()) }),
});

/** The exit code of a process that SIGKILL ended. */
const killedCode = 137;

const stateOf = ({ Status, ExitCode }: v.InferOutput<typeof inspected>['State']) => {
  if (Status === 'running' || Status === 'paused') return Status;
  if (Status === 'restarting') return 'ended';
  return ExitCode === killedCode ? 'killed' : 'stopped';
};

/** The container of a compose service, running or not. Throws a sentence if there is none. */
export const getContainer = async (project: string, service: string): Promise<Container> => {
  const labels = { project, service };
  const filters = Object.entries(labels).flatMap(([label, value]) => [
    '--filter',
    `label=com.docker.compose.${label}=${value}`,
  ]);
  const [id] = (await docker(['ps', '--all', '--quiet', ...filters])).split('\n');
  if (!id) {
    throw failure('there are no containers of a cluster: npm run cluster -- --docker makes them');
  }
  const { State, NetworkSettings, Id } = v.parse(
    inspected,
    JSON.parse(await docker(['inspect', '--format', '{{json .}}', id])),
  );
  return { id: Id, state: stateOf(State), networks: Object.keys(NetworkSettings.Networks) };
};
