/**
 * The kubelet's HTTPS API (upstream `pkg/kubelet/server/server.go`): for the API server, which shows a client
 * certificate; nobody else gets past the handshake.
 */
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { ApiError } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { RuntimeService } from '../runtime.ts';
import { kubeletMetrics } from '../stats/kubelet-metrics.ts';
import { METRICS_CONTENT_TYPE } from '../stats/resource-metrics.ts';
import type { NodeStatistics } from '../stats/node-statistics.ts';
import { serveContainerLogs } from './container-logs.ts';
import { findPod, findRunningContainer, podWithStatus } from './pod-lookup.ts';
import { createUpgradeServer } from './upgrades.ts';

export interface KubeletServerOptions {
  /** PEM. */
  tls: { certificate: string; privateKey: string; clientCa: string };
  /** 0: any that is free. */
  port: number;
  bindAddress: string;
  workers: PodWorkers;
  cache: RuntimeCache;
  runtime: RuntimeService;
  statistics: NodeStatistics;
  clock: Clock;
  log: Logger;
}

export interface KubeletServer {
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

const API_SERVER = 'kube-apiserver-kubelet-client';
const ADMINISTRATORS = 'system:masters';
const RUN_TIMEOUT_MS = 60_000;

export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { tls, port, bindAddress } = options;
  const server = createServer(
    {
      cert: tls.certificate,
      key: tls.privateKey,
      ca: tls.clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    createApp(options),
  );
  const sockets = new Set<Socket>();
  // Also those that have not shown yet that they speak TLS: they would hold up the end of the server.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
  const upgrade = createUpgradeServer(options);
  server.on('upgrade', (request, socket, head) => {
    if (mayUse(request.socket as TLSSocket)) upgrade(request, socket, head);
    else socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  });
  const address = await listen(server, port, bindAddress);
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** The CA signs for every user of the cluster: only the API server and administrators may. */
function mayUse(socket: TLSSocket): boolean {
  if (!socket.authorized) return false;
  const { subject } = socket.getPeerCertificate();
  const { CN, O } = subject as unknown as Record<string, string | string[] | undefined>;
  const organizations = Array.isArray(O) ? O : [O];
  return CN === API_SERVER || organizations.includes(ADMINISTRATORS);
}

function createApp(options: KubeletServerOptions): express.Express {
  const { workers, runtime } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use((request, response, next) => {
    if (mayUse(request.socket as TLSSocket)) next();
    else response.status(403).type('text/plain').send('Forbidden');
  });
  app.get(
    ['/healthz', '/healthz/ping', '/healthz/syncloop'],
    (_request, response) => void response.type('text/plain').send('ok'),
  );
  app.get(
    ['/pods', '/pods/'],
    (_request, response) =>
      void response.json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: workers.all().map(podWithStatus) }),
  );
  addStatistics(app, options);
  app.get('/containerLogs/:namespace/:pod/:container', (request, response) =>
    serveContainerLogs(options, request, response),
  );
  app.post('/run/:namespace/:pod/:container', async (request, response) => {
    const { namespace, pod, container } = request.params;
    const { id } = findRunningContainer(options, findPod(options, namespace, pod), { container });
    const command = String(request.query['cmd'] ?? '')
      .split(' ')
      .filter((word) => word !== '');
    const { stdout, stderr } = await runtime.execSync(id, command, RUN_TIMEOUT_MS);
    response.type('text/plain').send(Buffer.concat([stdout, stderr]));
  });
  app.use((_request, response) => void response.status(404).type('text/plain').send('404 page not found\n'));
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) =>
    answerError({ error, response, next, log: options.log }),
  );
  return app;
}

/** What monitoring asks a node for. */
function addStatistics(app: express.Express, { statistics, cache }: KubeletServerOptions): void {
  app.get(['/stats/summary', '/stats/summary/'], async (request, response) => {
    const onlyCpuAndMemory = request.query['only_cpu_and_memory'] === 'true';
    response.json(await statistics.summary(onlyCpuAndMemory));
  });
  app.get('/metrics', (_request, response) => {
    const pods = cache.uids().map((uid) => cache.get(uid));
    response.set('Content-Type', METRICS_CONTENT_TYPE).send(kubeletMetrics(pods));
  });
  app.get('/metrics/resource', async (_request, response) => {
    response.set('Content-Type', METRICS_CONTENT_TYPE).send(await statistics.resourceMetrics());
  });
  app.get('/metrics/cadvisor', async (_request, response) => {
    response.set('Content-Type', METRICS_CONTENT_TYPE).send(await statistics.cadvisorMetrics());
  });
}

function answerError({
  error,
  response,
  next,
  log,
}: {
  error: unknown;
  response: Response;
  next: NextFunction;
  log: Logger;
}): void {
  if (response.headersSent) {
    next(error);
    return;
  }
  if (error instanceof ApiError) {
    response.status(error.code).json(error.status);
    return;
  }
  log.warn('a request to the kubelet failed', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  response
    .status(500)
    .type('text/plain')
    .send((error as Error).message);
}
