/** The control plane in one process: storage, API server and its listener, controllers, scheduler. */
import { existsSync, readFileSync } from 'node:fs';
import { resources } from '../api/resources.ts';
import { loadSchemaTable } from '../api/schema/table.ts';
import type { ApiServer, ApiServerOptions } from '../apiserver/api-server.ts';
import { createApiServer } from '../apiserver/api-server.ts';
import type { HealthCheck } from '../apiserver/health.ts';
import type { HttpServer } from '../apiserver/http/http-server.ts';
import { createHttpServer } from '../apiserver/http/http-server.ts';
import { runCompactor } from '../apiserver/storage/compactor.ts';
import type { Storage } from '../apiserver/storage/storage.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import { realClock } from '../base/clock.ts';
import { monitorEventLoop } from '../base/event-loop.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process.ts';
import type { Certificates } from './certificates.ts';
import type { UpConfig } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { identities } from './identities.ts';

export interface ControlPlane {
  api: ApiServer;
  storage: Storage;
  port: number;
  /** Serves on a further address, with the same port: the bridge's, through which pods reach the API. */
  listenOn(host: string): Promise<void>;
  /** A client that acts as `user`, without a socket. */
  clientFor(user: UserInfo, userAgent: string): Client;
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  config: Pick<UpConfig, 'bindAddress'>;
  folder: DataFolder;
  /** Closed with the control plane. */
  storage: Storage;
  certificates: Certificates;
  network: { serviceCidr: string; apiPort: number };
  log: Logger;
  /** Further wiring of the API server: what reaches kubelets, allocators. */
  extend?: ApiServerOptions['extend'];
}

/** `<data folder>/tokens.csv`, when the user has put one there. */
function readStaticTokens(folder: DataFolder): string | undefined {
  const path = folder.file('tokens.csv');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { config, folder, storage, certificates, log } = options;
  const compacting = new AbortController();
  void runCompactor({
    storage,
    clock: realClock,
    logger: log.child({ component: 'compactor' }),
    signal: compacting.signal,
  });
  let port = 0;
  const wiring = identities({ serviceAccountKey: certificates.serviceAccount, staticTokens: readStaticTokens(folder) });
  const api = createApiServer({
    resources,
    storage,
    schemas: loadSchemaTable(),
    clock: realClock,
    random: realRandom,
    log: log.child({ component: 'apiserver' }),
    ...wiring,
    extend(parts) {
      wiring.extend(parts);
      return options.extend?.(parts);
    },
    healthChecks: [storageCheck(storage)],
    eventLoop: monitorEventLoop(),
    frontProxy: certificates.frontProxyClient,
    serverAddress: () => `${config.bindAddress}:${port}`,
  });
  await api.start();
  const newListener = (): HttpServer =>
    createHttpServer({
      handler: api.handler,
      certificate: certificates.apiServer.certificate,
      key: certificates.apiServer.privateKey,
      clientCa: certificates.ca.certificate,
      frontProxyCa: certificates.frontProxyCa.certificate,
      passesBody: api.passesBody,
      log: log.child({ component: 'http' }),
    });
  const listeners = [newListener()];
  ({ port } = await listeners[0]!.listen(options.network.apiPort, config.bindAddress));
  return {
    api,
    storage,
    port,
    clientFor: (user, userAgent) => inProcessClient({ handler: api.handler, user, userAgent }),
    async listenOn(host) {
      if (host === config.bindAddress || config.bindAddress === '0.0.0.0') return;
      const listener = newListener();
      await listener.listen(port, host);
      listeners.push(listener);
    },
    close: () => closeAll({ listeners, api, storage, compacting }),
  };
}

/** Named as upstream names it, whichever store it is. */
function storageCheck(storage: Storage): HealthCheck {
  return {
    name: 'etcd',
    check: () =>
      storage.currentRevision().then(
        () => undefined,
        (error: unknown) => String(error),
      ),
  };
}

async function closeAll({
  listeners,
  api,
  storage,
  compacting,
}: {
  listeners: HttpServer[];
  api: ApiServer;
  storage: Storage;
  compacting: AbortController;
}): Promise<void> {
  compacting.abort();
  await Promise.all(listeners.map((listener) => listener.close()));
  await api.close();
  await storage.close();
}
