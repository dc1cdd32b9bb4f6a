/** The control plane in one process: storage, API server and its listener, controllers, scheduler. */
import { join } from 'node:path';
import { resources } from '../api/resources.ts';
import { loadSchemaTable } from '../api/schema/table.ts';
import type { ApiServer } from '../apiserver/api-server.ts';
import { createApiServer } from '../apiserver/api-server.ts';
import type { HttpServer } from '../apiserver/http/http-server.ts';
import { createHttpServer } from '../apiserver/http/http-server.ts';
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import type { Storage } from '../apiserver/storage/storage.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import { realClock } from '../base/clock.ts';
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
  port: number;
  /** A client that acts as `user`, without a socket. */
  clientFor(user: UserInfo, userAgent: string): Client;
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  config: UpConfig;
  folder: DataFolder;
  certificates: Certificates;
  network: { serviceCidr: string; apiPort: number };
  log: Logger;
}

export async function openStorage(config: UpConfig, folder: DataFolder): Promise<Storage> {
  if (config.storage === 'memory') return createMemoryStorage();
  const { openLmdbStorage } = await import('../apiserver/storage/lmdb.ts');
  return openLmdbStorage({ path: join(folder.path, 'db') });
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { config, folder, certificates, log } = options;
  const storage = await openStorage(config, folder);
  let port = 0;
  const api = createApiServer({
    resources,
    storage,
    schemas: loadSchemaTable(),
    clock: realClock,
    random: realRandom,
    log: log.child({ component: 'apiserver' }),
    ...identities(options),
    healthChecks: [],
    serverAddress: () => `${config.bindAddress}:${port}`,
  });
  await api.start();
  const http = createHttpServer({
    handler: api.handler,
    certificate: certificates.apiServer.certificate,
    key: certificates.apiServer.privateKey,
    clientCa: certificates.ca.certificate,
    log: log.child({ component: 'http' }),
  });
  ({ port } = await http.listen(options.network.apiPort, config.bindAddress));
  return {
    api,
    port,
    clientFor: (user, userAgent) => inProcessClient({ handler: api.handler, user, userAgent }),
    close: () => closeAll({ http, api, storage }),
  };
}

async function closeAll({ http, api, storage }: { http: HttpServer; api: ApiServer; storage: Storage }): Promise<void> {
  await http.close();
  await api.close();
  await storage.close();
}
