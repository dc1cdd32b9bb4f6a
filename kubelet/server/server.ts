/** The kubelet's HTTPS API (placeholder until the server is written). */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { RuntimeService } from '../runtime.ts';

export interface KubeletServerOptions {
  /** PEM. */
  tls: { certificate: string; privateKey: string; clientCa: string };
  port: number;
  bindAddress: string;
  workers: PodWorkers;
  cache: RuntimeCache;
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
}

export interface KubeletServer {
  port: number;
  close(): Promise<void>;
}

export function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  return Promise.resolve({ port: options.port, close: () => Promise.resolve() });
}
