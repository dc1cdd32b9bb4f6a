/** Environment variables that name Services, as Docker links did (upstream `pkg/kubelet/envvars`): pure. */
import type { Service } from '../../api/core/v1/service.ts';

const MASTER_SERVICE = { namespace: 'default', name: 'kubernetes' };

/** Those of the pod's own namespace if it wants them, and always the API's. Headless Services have none. */
export function serviceEnvironment(
  services: readonly Service[],
  { namespace, enableServiceLinks }: { namespace: string; enableServiceLinks: boolean },
): Map<string, string> {
  const variables = new Map<string, string>();
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name = '', namespace: owner } = service.metadata;
    const isMaster = owner === MASTER_SERVICE.namespace && name === MASTER_SERVICE.name;
    if (isMaster && !chosen.has(name)) chosen.set(name, service);
    else if (owner === namespace && enableServiceLinks) chosen.set(name, service);
  }
  for (const service of chosen.values()) addService(service, variables);
  return variables;
}

function addService(service: Service, variables: Map<string, string>): void {
  const { clusterIP = '', ports = [] } = service.spec ?? {};
  const first = ports[0];
  if (clusterIP === '' || clusterIP === 'None' || first === undefined) return;
  const prefix = variableName(service.metadata.name ?? '');
  variables.set(`${prefix}_SERVICE_HOST`, clusterIP);
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports)
    if (name) variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
  const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
  for (const [i, { protocol = 'TCP', port }] of ports.entries()) {
    const lower = protocol.toLowerCase();
    const url = `${lower}://${host}:${port}`;
    if (i === 0) variables.set(`${prefix}_PORT`, url);
    const portPrefix = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    variables.set(portPrefix, url);
    variables.set(`${portPrefix}_PROTO`, lower);
    variables.set(`${portPrefix}_PORT`, String(port));
    variables.set(`${portPrefix}_ADDR`, clusterIP);
  }
}

function variableName(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}
