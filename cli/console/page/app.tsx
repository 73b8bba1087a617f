import { render } from 'preact';
import './app.css';
import { Announcer } from './announcer.tsx';
import { CallerContext } from './caller.ts';
import { timeZone } from './instants.ts';
import { Title } from './page-title.tsx';
import { useQuery } from './query-hooks.ts';
import { QueryStatus, Waiting } from './query-status.tsx';
import { linkTo, useRoute } from './routes.ts';
import { act, ask, openSession } from './session.ts';
import { ActivityView } from './views/activity.tsx';
import { NodesView } from './views/nodes.tsx';
import { SecretView } from './views/secret.tsx';
import { SecretsView } from './views/secrets.tsx';

const App = () => {
  const { result: hasSession } = useQuery(openSession, []);
  if (hasSession === undefined) return <Waiting isWaiting={true} />;
  return hasSession ? <Console /> : <NoSession />;
};

const NoSession = () => (
  <main>
    <h1>This page has no session</h1>
    <p>
      A session belongs to one tab and ends when that tab is reloaded. Press Enter in the terminal
      where <code>dsvault console</code> runs, or start it again.
    </p>
  </main>
);

const Console = () => {
  const route = useRoute();
  const { result: vault } = useQuery(
    (signal) => act<{ readonly profile: string; readonly addr: string }>('vault', {}, signal),
    [],
  );
  const asking = useQuery((signal) => ask('whoami', {}, signal), []);
  const { result: caller, refusal } = asking;
  const [view] = route;
  return (
    <>
      <header>
        <nav aria-label="Views">
          {views.map(([id, title]) => (
            <a key={id} href={linkTo(id)} aria-current={view === id ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <p class="who">
          {vault && (
            <span class="badge">
              <strong>{vault.profile}</strong> {vault.addr}
            </span>
          )}{' '}
          {caller && `${caller.tenant} / ${caller.subject}`} <small>times in {timeZone()}</small>
        </p>
      </header>
      <QueryStatus of={asking} />
      {(caller || refusal) && (
        <CallerContext.Provider value={caller}>
          <Announcer>
            <View route={route} />
          </Announcer>
        </CallerContext.Provider>
      )}
    </>
  );
};

/** Returns the view for an address. A person may have typed the address, so it can be anything. */
const View = ({ route: [view, ...rest] }: { readonly route: readonly string[] }) => {
  const [one = '', other = ''] = rest;
  switch (`${view} ${rest.length}`) {
    case 'secrets 0':
      return <SecretsView />;
    case 'secrets 1':
      return <SecretView key={one} name={one} />;
    case 'nodes 0':
      return <NodesView />;
    case 'activity 0':
      return <ActivityView key="all" />;
    case 'activity 1':
      if (isRequestId(one)) return <ActivityView key={one} requestId={one} />;
      break;
    case 'activity 2':
      if (one === 'of') return <ActivityView key={`of ${other}`} secret={other} />;
  }
  return (
    <main>
      <Title>No such view</Title>
      <p>
        The console has no view at this address. Go to the{' '}
        <a href={linkTo('secrets')}>list of secrets</a>, or use the links above.
      </p>
    </main>
  );
};

const isRequestId = (text: string): boolean => /^[\w-]{8,64}$/.test(text);

const views = [
  ['secrets', 'Secrets'],
  ['nodes', 'Nodes'],
  ['activity', 'Activity'],
] as const;

const root = document.getElementById('app');
if (root) render(<App />, root);
