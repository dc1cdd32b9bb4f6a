/** Tries one probe of one container (upstream `pkg/kubelet/prober/prober.go`). */
import type { AnyContainer, Pod, Probe } from '../../api/core/v1/pod/types.ts';
import { allContainers } from '../../api/core/v1/pod/containers.ts';
import { RuntimeError } from '../runtime.ts';
import type { RuntimeService } from '../runtime.ts';
import { expandCommand } from '../env/environment.ts';
import { probeGrpc } from './grpc-probe.ts';
import { probeHttp } from './http-probe.ts';
import { MAX_OUTPUT_BYTES } from './probe-outcome.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import { probeTcp } from './tcp-probe.ts';

export interface ProbeTarget {
  pod: Pod;
  container: AnyContainer;
  containerId: string;
  /** Of the node with `hostNetwork`. */
  podIp: string;
  signal: AbortSignal;
}

export type ProbeFunction = (probe: Probe, target: ProbeTarget) => Promise<ProbeOutcome>;

export function createProber(runtime: RuntimeService): ProbeFunction {
  return async (probe, target) => {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    try {
      if (probe.exec !== undefined) return await probeExec(runtime, { probe, target, timeoutMs });
      if (runtime.hasPodNetwork === false) return { result: 'success', output: '' };
      if (probe.httpGet !== undefined) return await probeHttpGet({ probe, target, timeoutMs });
      if (probe.tcpSocket !== undefined) {
        const { host, port } = probe.tcpSocket;
        return await probeTcp({ host: host || target.podIp, port: portNumber(port, target), timeoutMs });
      }
      if (probe.grpc !== undefined) {
        const { port, service } = probe.grpc;
        return await probeGrpc({ host: target.podIp, port, service: service ?? '', timeoutMs });
      }
      return { result: 'error', output: 'missing probe handler' };
    } catch (error) {
      return { result: 'error', output: (error as Error).message };
    }
  };
}

interface Try {
  probe: Probe;
  target: ProbeTarget;
  timeoutMs: number;
}

async function probeExec(runtime: RuntimeService, { probe, target, timeoutMs }: Try): Promise<ProbeOutcome> {
  const words = probe.exec?.command ?? [];
  const { command } = expandCommand({ ...target.container, command: words, args: [] }, []);
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, command, timeoutMs);
    const output = Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT_BYTES).toString();
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'deadline-exceeded') {
      return {
        result: 'failure',
        output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
      };
    }
    // A command that is not there is the container's fault.
    if (error instanceof RuntimeError && error.code === 'start-failed')
      return { result: 'failure', output: error.message };
    throw error;
  }
}

function probeHttpGet({ probe, target, timeoutMs }: Try): Promise<ProbeOutcome> {
  const { host, port, path = '/', scheme = 'HTTP', httpHeaders = [] } = probe.httpGet!;
  return probeHttp({
    scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http',
    host: host || target.podIp,
    port: portNumber(port, target),
    path,
    headers: httpHeaders,
    timeoutMs,
    signal: target.signal,
  });
}

/** A number, or the name of a port of the container. Throws for a name that there is not, as upstream. */
export function portNumber(port: unknown, { pod, container }: { pod: Pod; container: AnyContainer }): number {
  const asNumber = Number(port);
  if (Number.isInteger(asNumber)) {
    if (asNumber > 0 && asNumber < 65_536) return asNumber;
    throw new Error(`invalid port number: ${asNumber}`);
  }
  const own = (container.ports ?? []).find(({ name }) => name === port);
  const any =
    own ??
    allContainers(pod.spec)
      .flatMap(({ ports }) => ports ?? [])
      .find(({ name }) => name === port);
  if (any === undefined) throw new Error(`port ${String(port)} not found`);
  return any.containerPort;
}
