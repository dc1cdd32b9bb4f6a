/** Runs `postStart` and `preStop` (upstream `pkg/kubelet/lifecycle/handlers.go`). */
import type { AnyContainer, LifecycleHandler, Pod } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { probeHttp } from '../probes/http-probe.ts';
import { portNumber } from '../probes/prober.ts';
import { probeTcp } from '../probes/tcp-probe.ts';
import type { RuntimeService } from '../runtime.ts';
import { podText } from './pod-text.ts';

export interface HookTarget {
  pod: Pod;
  container: AnyContainer;
  containerId: string;
  podIp: string;
  /** It is over by then. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Throws with upstream's message when the hook fails. */
export async function runHook(
  { runtime, clock }: { runtime: RuntimeService; clock: Clock },
  hook: LifecycleHandler,
  target: HookTarget,
): Promise<void> {
  if (hook.exec !== undefined) return runExecHook(runtime, hook.exec.command ?? [], target);
  if (hook.sleep !== undefined)
    return sleep(clock, Math.min(hook.sleep.seconds * 1000, target.timeoutMs), target.signal);
  if (runtime.hasPodNetwork === false) return undefined;
  if (hook.httpGet !== undefined) return runHttpHook(hook.httpGet, target);
  if (hook.tcpSocket !== undefined) {
    const { host, port } = hook.tcpSocket;
    const outcome = await probeTcp({
      host: host || target.podIp,
      port: portNumber(port, target),
      timeoutMs: target.timeoutMs,
    });
    if (outcome.result !== 'success') throw new Error(outcome.output);
    return undefined;
  }
  throw new Error('invalid handler: no handler specified');
}

async function runExecHook(
  runtime: RuntimeService,
  command: string[],
  { pod, container, containerId, timeoutMs }: HookTarget,
): Promise<void> {
  const where = `Container "${container.name}" in Pod "${podText(pod)}"`;
  const what = `Exec lifecycle hook (${JSON.stringify(command)}) for ${where} failed`;
  let result: Awaited<ReturnType<RuntimeService['execSync']>>;
  try {
    result = await runtime.execSync(containerId, command, timeoutMs);
  } catch (error) {
    throw new Error(`${what} - error: ${(error as Error).message}, message: ""`, { cause: error });
  }
  if (result.exitCode === 0) return;
  const output = Buffer.concat([result.stdout, result.stderr]).toString().slice(0, 1024);
  const command_ = command.join(' ');
  throw new Error(
    `${what} - error: command '${command_}' exited with ${result.exitCode}: , message: ${JSON.stringify(output)}`,
  );
}

async function runHttpHook(httpGet: NonNullable<LifecycleHandler['httpGet']>, target: HookTarget): Promise<void> {
  const { host, port, path = '/', scheme = 'HTTP', httpHeaders = [] } = httpGet;
  const outcome = await probeHttp({
    scheme: scheme === 'HTTPS' ? 'https' : 'http',
    host: host || target.podIp,
    port: port === '' ? 80 : portNumber(port, target),
    path,
    headers: httpHeaders,
    timeoutMs: target.timeoutMs,
    signal: target.signal,
  });
  // Any answer will do: only a request that cannot be made has failed.
  if (outcome.result !== 'success' && !outcome.output.startsWith('HTTP probe failed with statuscode'))
    throw new Error(outcome.output);
}
