// An operator for Greetings: waits until it leads, watches, and works until it is told to stop. Settings are in the
// environment: NAMESPACE (of the Lease and the guest book), IDENTITY, LEASE_SECONDS, RESYNC_SECONDS.
import { KubeConfig } from '@kubernetes/client-node';
import { hostname } from 'node:os';
import { Greetings, LABEL } from './greetings.mjs';
import { deploymentInformer, greetingInformer, runInformer } from './informers.mjs';
import { LeaderElection } from './leader-election.mjs';
import { WorkQueue } from './work-queue.mjs';

const {
  NAMESPACE = 'greetings',
  IDENTITY = `${hostname()}-${process.pid}`,
  LEASE_SECONDS = '15',
  RESYNC_SECONDS = '300',
} = process.env;

const stopping = new AbortController();
for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => stopping.abort());

/** What `KUBECONFIG` says, or in a pod its service account. */
const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();

const keyOf = ({ metadata: { name, namespace } }) => `${namespace}/${name}`;

/** Works until the signal. */
async function work(signal) {
  const greetings = new Greetings(kubeConfig, { namespace: NAMESPACE, identity: IDENTITY });
  const selector = Object.entries(LABEL)
    .map(([key, value]) => `${key}=${value}`)
    .join();
  const all = greetingInformer(kubeConfig);
  const deployments = deploymentInformer(kubeConfig, selector);
  const queue = new WorkQueue(async (key) => {
    const [namespace, name] = key.split('/');
    const greeting = all.get(name, namespace);
    if (greeting !== undefined) await greetings.reconcile(greeting, deployments.get(name, namespace));
  });
  // A Deployment has the name of its Greeting.
  await runInformer(deployments, (deployment) => queue.add(keyOf(deployment)), signal);
  await runInformer(all, (greeting) => queue.add(keyOf(greeting)), signal);
  const resync = setInterval(() => all.list().forEach((one) => queue.add(keyOf(one))), RESYNC_SECONDS * 1000);
  signal.addEventListener('abort', () => clearInterval(resync));
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await queue.stop();
}

const election = new LeaderElection(kubeConfig, {
  name: 'greeting-operator',
  namespace: NAMESPACE,
  identity: IDENTITY,
  durationSeconds: Number(LEASE_SECONDS),
});
console.log(`${IDENTITY} waits to lead`);
if (await election.acquire(stopping.signal)) {
  console.log(`${IDENTITY} leads`);
  const holding = new AbortController();
  const working = work(stopping.signal).finally(() => holding.abort());
  try {
    // The Lease is given back after the last piece of work, not before.
    await Promise.all([working, election.hold(holding.signal)]);
  } catch (error) {
    // Somebody else may lead by now: stop at once, whatever is under way.
    console.error(`${IDENTITY} stops: ${error.message}`);
    process.exit(1);
  }
}
console.log(`${IDENTITY} has stopped`);
