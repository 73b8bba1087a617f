import { render } from 'preact';
import './app.css';
import { useAsking } from './asking.ts';
import { CallerContext } from './caller.ts';
import { Refused, Waiting } from './parts.tsx';
import { linkTo, useRoute } from './routes.ts';
import { act, ask, openSession } from './session.ts';
import { Telling } from './telling.tsx';
import { ActivityView } from './views/activity.tsx';
import { NodesView } from './views/nodes.tsx';
import { SecretView } from './views/secret.tsx';
import { SecretsView } from './views/secrets.tsx';
import { WorkbenchView } from './views/workbench.tsx';

const App = () => {
  const { result: hasSession } = useAsking(openSession, []);
  if (hasSession === undefined) return <Waiting isWaiting={true} />;
  return hasSession ? <Console /> : <NoSession />;
};

const NoSession = () => (
  <main>
    <h1>This page has no session</h1>
    <p>
      A session lives in one tab and ends with a reload. Press Enter where{' '}
      <code>dsvault console</code> runs, or start it again.
    </p>
  </main>
);

const Console = () => {
  const route = useRoute();
  const { result: vault } = useAsking(
    (signal) => act<{ readonly addr: string }>('vault', {}, signal),
    [],
  );
  const { result: caller, refusal } = useAsking((signal) => ask('whoami', {}, signal), []);
  const [view = 'secrets', name] = route;
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
          {caller && `${caller.tenant} / ${caller.subject}`}{' '}
          {vault && <small>at {vault.addr}</small>}
        </p>
      </header>
      <Refused refusal={refusal} />
      {(caller || refusal) && (
        <CallerContext.Provider value={caller}>
          <Telling>
            {view === 'secrets' &&
              (name === undefined ? <SecretsView /> : <SecretView key={name} name={name} />)}
            {view === 'env' && <WorkbenchView />}
            {view === 'nodes' && <NodesView />}
            {view === 'activity' && <ActivityView key={name} requestId={name} />}
          </Telling>
        </CallerContext.Provider>
      )}
    </>
  );
};

const views = [
  ['secrets', 'Secrets'],
  ['env', '.env'],
  ['nodes', 'Nodes'],
  ['activity', 'Activity'],
] as const;

const root = document.getElementById('app');
if (root) render(<App />, root);
