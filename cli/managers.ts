/** Runs the controllers, each under its own identity, over informers that share the server's cache. */
import { events } from '../api/core/v1/event.ts';
import { LEGACY_TOKEN_ISSUER } from '../api/core/v1/service-account-token-secret.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import { resources } from '../api/resources.ts';
import { createTokenKeys } from '../apiserver/authn/token-keys.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { KeyPair } from '../base/pki.ts';
import type { RequestSigner } from '../base/pki-requests.ts';
import { realRandom } from '../base/random.ts';
import { createEventRecorder } from '../client/events.ts';
import type { RunnerOptions } from '../client/controller-runner.ts';
import { runController } from '../client/controller-runner.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { apiServiceAvailability } from '../controllers/api-services/availability.ts';
import { apiServiceRegistration } from '../controllers/api-services/registration.ts';
import { controllers } from '../controllers/controllers.ts';
import { runGarbageCollector } from '../controllers/garbage-collector/garbage-collector.ts';
import type { NodeIpamOptions } from '../controllers/node-ipam.ts';
import { rolloutController } from '../controllers/rollout/rollout.ts';
import { runWhenServed } from '../controllers/when-served.ts';
import type { SigningKey } from './certificates.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Task } from './tasks.ts';
import { createTask } from './tasks.ts';
import { apiServerUser, controllerManagerUser, controllerUser } from './identities.ts';

export interface ManagersOptions {
  controlPlane: ControlPlane;
  /** Signs what certificate requests ask for. */
  ca: KeyPair;
  /** Signs the tokens that secrets of service accounts ask for. */
  serviceAccountKey: SigningKey;
  /** Default: nodes bring their ranges of pod addresses. */
  nodeIpam?: NodeIpamOptions;
  log: Logger;
  signal: AbortSignal;
}

/** Starts them all; they end after the signal aborted. */
export function startControllers(options: ManagersOptions): Task[] {
  const { controlPlane, log, signal } = options;
  // As upstream: reads are shared and made as the controller manager, writes as each controller.
  const reader = controlPlane.clientFor(controllerManagerUser, 'kube-controller-manager/nocher (informers)');
  const informers = createInformerFactory(reader, {
    clock: realClock,
    log: log.child({ component: 'controller-manager' }),
  });
  informers.start(signal);
  const { ca, serviceAccountKey, nodeIpam } = options;
  const running = controllers({
    resources,
    rootCa: ca.certificate,
    signRequest: requestSigner(ca),
    signToken: tokenSigner(serviceAccountKey),
    ...(nodeIpam && { nodeIpam }),
  }).map((controller) =>
    createTask(controller.name, runController(controller, runnerOptions(controller, informers, options)), options),
  );
  const rollouts = rolloutController();
  const collector = { name: 'generic-garbage-collector', component: 'garbage-collector-controller' };
  return [
    ...running,
    ...startAggregation(informers, options),
    createTask(rollouts.name, runWhenServed(rollouts, runnerOptions(rollouts, informers, options)), options),
    createTask(collector.name, runGarbageCollector(resources, runnerOptions(collector, informers, options)), options),
  ];
}

/** What upstream's API server does itself, as itself. */
function startAggregation(informers: InformerFactory, options: ManagersOptions): Task[] {
  const { api, clientFor } = options.controlPlane;
  return [apiServiceRegistration, apiServiceAvailability(api.probeDiscovery)].map((controller) => {
    const client = clientFor(apiServerUser, `kube-apiserver/nocher (${controller.name})`);
    return createTask(
      controller.name,
      runController(controller, { ...runnerOptions(controller, informers, options), client }),
      options,
    );
  });
}

/** The key goes no further: controllers are given what signs, not what it signs with. */
function requestSigner(ca: KeyPair): RequestSigner {
  return async (order) => {
    const { signRequestedCertificate } = await import('../base/pki-requests.ts');
    return signRequestedCertificate(ca, realRandom, order);
  };
}

function tokenSigner({ privateKey }: SigningKey): (claims: Record<string, string>) => Promise<string> {
  const keys = createTokenKeys({ issuer: LEGACY_TOKEN_ISSUER, signingKey: privateKey });
  return (claims) => keys.sign(claims);
}

/** What upstream's controller manager does under no other name than its own. */
const userOf = (name: string): UserInfo =>
  name === 'kube-controller-manager' ? controllerManagerUser : controllerUser(name);

function runnerOptions(
  { name, component = name }: { name: string; component?: string },
  informers: InformerFactory,
  { controlPlane, log, signal }: ManagersOptions,
): RunnerOptions {
  const client = controlPlane.clientFor(userOf(name), `kube-controller-manager/nocher (${name})`);
  const own = log.child({ component: name });
  return {
    client,
    informers,
    events: createEventRecorder({ client, resource: events, component, clock: realClock, log: own }),
    clock: realClock,
    random: realRandom,
    log: own,
    signal,
  };
}
