/**
 * Tells load balancers whether this node has pods of a Service with `externalTrafficPolicy: Local`
 * (upstream: `pkg/proxy/healthcheck/service_health.go`).
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Logger } from '../base/log.ts';
import type { ServicePortInfo } from './service-map.ts';

export interface HealthCheckNodePorts {
  update(ports: readonly ServicePortInfo[]): void;
  close(): void;
}

interface Entry {
  service: { namespace: string; name: string };
  localEndpoints: number;
  server: Server;
}

export interface HealthCheckNodePortsOptions {
  /** Default: every address of the node. */
  host?: string;
  log: Logger;
}

export function createHealthCheckNodePorts({
  host = '0.0.0.0',
  log,
}: HealthCheckNodePortsOptions): HealthCheckNodePorts {
  const entries = new Map<number, Entry>();
  const remove = (port: number): void => {
    entries.get(port)?.server.close();
    entries.get(port)?.server.closeAllConnections();
    entries.delete(port);
  };
  const open = (port: number, { service, localEndpoints }: Omit<Entry, 'server'>): void => {
    const server = createServer((_, response) => {
      const entry = entries.get(port);
      const count = entry?.localEndpoints ?? 0;
      response.writeHead(count > 0 ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(count),
      });
      response.end(JSON.stringify({ service: entry?.service, localEndpoints: count, serviceProxyHealthy: true }));
    });
    server.on('error', (error) => log.warn('a health check node port does not answer', { port, error: error.message }));
    server.listen(port, host);
    server.unref();
    entries.set(port, { service, localEndpoints, server });
  };
  return {
    update(ports) {
      const wanted = wantedChecks(ports);
      for (const [port, { service }] of entries) {
        const same = wanted.get(port)?.service;
        if (same?.namespace !== service.namespace || same.name !== service.name) remove(port);
      }
      for (const [port, check] of wanted) {
        const known = entries.get(port);
        if (known === undefined) open(port, check);
        else known.localEndpoints = check.localEndpoints;
      }
    },
    close() {
      for (const port of [...entries.keys()]) remove(port);
    },
  };
}

/** By port; endpoints are counted once however many ports of the Service they serve. Pure. */
export function wantedChecks(ports: readonly ServicePortInfo[]): Map<number, Omit<Entry, 'server'>> {
  const addresses = new Map<number, { service: Entry['service']; ips: Set<string> }>();
  for (const { healthCheckNodePort, namespace, name, localEndpoints } of ports) {
    if (healthCheckNodePort === 0) continue;
    const check = addresses.get(healthCheckNodePort) ?? { service: { namespace, name }, ips: new Set() };
    for (const { ip } of localEndpoints) check.ips.add(ip);
    addresses.set(healthCheckNodePort, check);
  }
  return new Map([...addresses].map(([port, { service, ips }]) => [port, { service, localEndpoints: ips.size }]));
}
