/** `pods/log`, `pods/exec`, `pods/attach` and `pods/portforward`: carried to the kubelet of the pod's node (upstream `pkg/registry/core/pod/strategy.go`). */
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { ApiError, badRequest } from '../../api/machinery/errors.ts';
import type { Status } from '../../api/machinery/errors.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { Subresource, VerbHandler } from '../router.ts';
import type { VerbDependencies } from '../verbs/dependencies.ts';
import { writeContext } from '../verbs/write-context.ts';
import type { KubeletCredentials } from './connection.ts';
import { getFromKubelet, kubeletAddress } from './connection.ts';
import { logOverWebSocket, logProtocol } from './log-web-socket.ts';
import { isUpgrade, tunnelResponse } from './tunnel.ts';

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' };
const POD_OPTIONS = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
} as const;
const DEFAULT_CONTAINER_ANNOTATION = 'kubectl.kubernetes.io/default-container';

async function findPod(context: RequestContext, kind: ServedKind, { store }: VerbDependencies): Promise<Pod> {
  const cached = await store.get(kind, { namespace: context.info.namespace, name: pathName(context.info) });
  return cached.object() as Pod;
}

/** The container asked for, or the only one; throws with upstream's texts. */
export function chooseContainer(pod: Pod, asked: string): string {
  const { name } = pod.metadata;
  const containers = pod.spec.containers.map((container) => container.name);
  const inits = (pod.spec.initContainers ?? []).map((container) => container.name);
  const all = [...containers, ...inits, ...(pod.spec.ephemeralContainers ?? []).map((container) => container.name)];
  if (asked !== '') {
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER_ANNOTATION];
  if (preferred !== undefined && containers.includes(preferred)) return preferred;
  if (containers.length === 1) return containers[0]!;
  const initText = inits.length > 0 ? ` or one of the init containers: [${inits.join(' ')}]` : '';
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${initText}`,
  );
}

function nodeOf(pod: Pod): string {
  const { nodeName = '' } = pod.spec;
  if (nodeName === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return nodeName;
}

export interface PodStreamOptions {
  nodes: Lister<Node>;
  credentials: KubeletCredentials;
}

const LOG_PARAMETERS = [
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'insecureSkipTLSVerifyBackend',
  'stream',
];

function logHandler({ nodes, credentials }: PodStreamOptions): VerbHandler {
  return async (context, kind, dependencies) => {
    const pod = await findPod(context, kind, dependencies);
    const container = chooseContainer(pod, context.request.query.get('container') ?? '');
    const { headers } = context.request;
    const isWebSocket = headers['upgrade']?.toLowerCase() === 'websocket';
    const protocol = isWebSocket ? logProtocol(headers['sec-websocket-protocol']) : '';
    // A pod that waits for a node has no logs yet, and says so by an empty answer.
    if ((pod.spec.nodeName ?? '') === '')
      return { status: 200, headers: {}, body: { type: 'bytes', bytes: new Uint8Array(), contentType: 'text/plain' } };
    const query = new URLSearchParams();
    for (const name of LOG_PARAMETERS) {
      const value = context.request.query.get(name);
      if (value !== null && value !== '') query.set(name, value);
    }
    const { namespace, name } = pod.metadata;
    const path = `/containerLogs/${namespace}/${name}/${container}?${query}`;
    const answer = await getFromKubelet(credentials, kubeletAddress(nodes, nodeOf(pod)), {
      path,
      signal: context.request.signal,
    });
    if (answer.statusCode !== 200) throw await kubeletError(answer);
    if (isWebSocket) return logOverWebSocket(answer, protocol);
    return { status: 200, headers: {}, body: { type: 'stream', chunks: answer, contentType: 'text/plain' } };
  };
}

async function kubeletError(
  answer: AsyncIterable<Uint8Array> & { statusCode?: number | undefined },
): Promise<ApiError> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString().trim();
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status')
      return new ApiError({
        code: status.code ?? 500,
        reason: status.reason ?? '',
        message: status.message ?? text,
        ...(status.details === undefined ? {} : { details: status.details }),
      });
  } catch {
    // Not a Status: an older kubelet's plain text.
  }
  return badRequest(text);
}

/** `exec` and `attach` name a container, and at least one stream. */
function streamHandler(
  action: 'exec' | 'attach' | 'portforward',
  { nodes, credentials }: PodStreamOptions,
): VerbHandler {
  return async (context, kind, dependencies) => {
    const pod = await findPod(context, kind, dependencies);
    const { namespace, name } = pod.metadata;
    const { request } = context;
    await admitConnect(context, kind, { store: dependencies.store, action });
    // Before the upgrade is looked at: a client that is refused here tries the older protocol, and shows that answer.
    const address = kubeletAddress(nodes, nodeOf(pod));
    const isPortForward = action === 'portforward';
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      throw badRequest(
        `cannot ${isPortForward ? 'forward to' : `${action} in`} a completed pod; current phase is ${pod.status.phase}`,
      );
    }
    const container = isPortForward ? '' : `/${chooseContainer(pod, request.query.get('container') ?? '')}`;
    if (!isUpgrade(request.headers)) throw badRequest('Upgrade request required');
    if (action === 'exec' && request.query.getAll('command').length === 0)
      throw badRequest('you must specify at least 1 container command');
    const query = new URLSearchParams(request.query);
    query.delete('container');
    const path = `/${isPortForward ? 'portForward' : action}/${namespace}/${name}${container}?${query}`;
    return tunnelResponse(credentials, address, path);
  };
}

/** What admission sees of a stream: its options, as the query has them. */
async function admitConnect(
  context: RequestContext,
  kind: ServedKind,
  { store, action }: Pick<VerbDependencies, 'store'> & { action: keyof typeof POD_OPTIONS },
): Promise<void> {
  const { query } = context.request;
  const form = { schema: '', kind: POD_OPTIONS[action], apiVersion: 'v1' };
  const options: Record<string, unknown> = { kind: form.kind, apiVersion: form.apiVersion };
  for (const name of ['stdin', 'stdout', 'stderr', 'tty']) {
    const value = query.get(name);
    if (value === 'true' || value === '1') options[name] = true;
  }
  const container = query.get('container') ?? '';
  if (container !== '') options['container'] = container;
  if (action === 'exec') options['command'] = query.getAll('command');
  if (action === 'portforward' && query.has('ports')) options['ports'] = query.getAll('ports').map(Number);
  const key = { namespace: context.info.namespace, name: pathName(context.info) };
  const about = { key, subresource: action, context: writeContext(context), operation: 'CONNECT', form } as const;
  // Options have no metadata; whoever looks for labels finds none.
  await store.admit(kind, { ...options, metadata: {} }, about);
}

export function podStreams(options: PodStreamOptions): Subresource[] {
  const streams = (['exec', 'attach', 'portforward'] as const).map((name): Subresource => {
    const handler = streamHandler(name, options);
    return {
      name,
      kind: { group: '', version: 'v1', kind: POD_OPTIONS[name] },
      verbs: { create: handler, get: handler },
    };
  });
  return [{ name: 'log', kind: POD_KIND, verbs: { get: logHandler(options) } }, ...streams];
}
