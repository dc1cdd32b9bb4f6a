/** Extenders that are real HTTP servers, with the scheduler and the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { PriorityClass } from '../api/scheduling/v1/priority-class.ts';
import { priorityClasses } from '../api/scheduling/v1/priority-class.ts';
import { createCertificateAuthority, issueCertificate } from '../base/pki.ts';
import { realRandom } from '../base/random.ts';
import { eventually, startTestCluster } from './cluster-for-tests.ts';
import type { TestCluster } from './cluster-for-tests.ts';
import { readConfiguration } from './configuration.ts';
import { nodeOf } from './objects-for-tests.ts';

interface Question {
  Pod: Pod;
  Nodes: { items: { metadata: { name: string } }[] } | null;
  NodeNames: string[] | null;
  NodeNameToVictims: Record<string, { Pods: Pod[]; NumPDBViolations: number }> | null;
  NodeNameToMetaVictims: Record<string, { Pods: { UID: string }[] }> | null;
  PodName: string;
  PodNamespace: string;
  PodUID: string;
  Node: string;
}

/** Answers by verb; `undefined` is no answer at all, a number is a status. */
type Answers = Record<string, (question: Question) => unknown>;

let cluster: TestCluster;
let servers: Server[];

beforeEach(async () => {
  servers = [];
  cluster = await startTestCluster();
});
afterEach(async () => {
  await cluster.stop();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The URL of an extender, whose path has a slash too many. */
async function startExtender(answers: Answers): Promise<string> {
  const server = createServer((request, response) => {
    void read(request).then(async (question) => {
      const answer = await answers[request.url!.replace('/ext/', '')]!(question);
      if (answer === undefined) return;
      if (typeof answer === 'number') response.statusCode = answer;
      response.end(JSON.stringify(answer));
    });
  });
  return `http://127.0.0.1:${await listen(server)}/ext/`;
}

async function read(request: IncomingMessage): Promise<Question> {
  expect([request.method, request.headers['content-type']]).toEqual(['POST', 'application/json']);
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return JSON.parse(text) as Question;
}

function start(...extenders: object[]): void {
  cluster.startConfigured(
    readConfiguration({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      extenders,
    }),
  );
}

const namesIn = ({ Nodes }: Question): string[] => Nodes!.items.map(({ metadata }) => metadata.name).sort();
const only = (question: Question, ...names: string[]): object => ({
  items: question.Nodes!.items.filter(({ metadata }) => names.includes(metadata.name)),
});
const createNodes = async (...names: string[]): Promise<void> => {
  for (const name of names) await cluster.createNode(nodeOf(name));
};

describe('extenders that filter [S11]', () => {
  it('leave out nodes, say why, and are asked again when something changes', async () => {
    await createNodes('n1', 'n2', 'n3');
    const asked: string[][] = [];
    const urlPrefix = await startExtender({
      filter: (question) => {
        asked.push(namesIn(question));
        expect(question.Pod.metadata.name).toBe('p');
        expect(question.NodeNames).toBeNull();
        return {
          Nodes: only(question, 'n4'),
          FailedNodes: { n1: 'no license', n2: 'not told' },
          FailedAndUnresolvableNodes: { n2: 'in the wrong rack', unknown: 'is not asked about' },
        };
      },
    });
    start({ urlPrefix, filterVerb: 'filter' });
    await cluster.createPod('p');
    expect(await cluster.conditionOf('p')).toMatchObject({
      reason: 'Unschedulable',
      message:
        '0/3 nodes are available: 1 in the wrong rack, 1 no license. preemption: 0/3 nodes are available: ' +
        '1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
    });
    expect(asked[0]).toEqual(['n1', 'n2', 'n3']);
    await createNodes('n4');
    expect(await cluster.bound('p')).toBe('n4');
  });

  it('are asked one after the other, by name when they know the nodes, and only about pods of theirs', async () => {
    await createNodes('n1', 'n2', 'n3');
    const asked: Record<string, unknown[]> = { first: [], second: [] };
    const first = await startExtender({
      filter: ({ Pod, NodeNames, Nodes }) => {
        asked.first!.push([Pod.metadata.name, NodeNames!.toSorted(), Nodes]);
        // As Go's, other cases of the fields' names will do.
        return { nodenames: ['n2', 'n3'] };
      },
    });
    const second = await startExtender({
      filter: (question) => {
        asked.second!.push([question.Pod.metadata.name, namesIn(question)]);
        return { nodes: only(question, 'n3') };
      },
    });
    const managedResources = [{ name: 'example.com/gpu', ignoredByScheduler: true }];
    start(
      { urlPrefix: first, filterVerb: 'filter', nodeCacheCapable: true, managedResources },
      { urlPrefix: second, filterVerb: 'filter' },
    );
    // No node has any: that is the extender's business.
    const resources = { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } };
    await cluster.createPod('gpu', { spec: { containers: [{ name: 'main', image: 'app', resources }] } });
    expect(await cluster.bound('gpu')).toBe('n3');
    await cluster.createPod('plain');
    expect(await cluster.bound('plain')).toBe('n3');
    expect(asked).toEqual({
      first: [['gpu', ['n1', 'n2', 'n3'], null]],
      second: [
        ['gpu', ['n2', 'n3']],
        ['plain', ['n1', 'n2', 'n3']],
      ],
    });
  });

  it.each<[string, Answers['filter'], string]>([
    ['that answers with a status', () => 500, 'failed filter with extender at URL <url>/filter, code 500'],
    ['that gives an error', () => ({ Error: 'out of order' }), 'out of order'],
    [
      'that names another node',
      () => ({ NodeNames: ['n9'] }),
      'extender "<url>/" claims a filtered node "n9" which is not found in the input node list',
    ],
    ['that makes no sense', () => ({ NodeNames: 'n1' }), 'something else in the place of a list: NodeNames'],
    [
      'that takes its time',
      () => undefined,
      'Post "<url>/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    ],
  ])('fail the pod by an answer %s, unless they are ignorable', async (_name, filter, problem) => {
    await createNodes('n1');
    const urlPrefix = await startExtender({ filter: filter!, strict: filter! });
    const settings = { urlPrefix, httpTimeout: '200ms', nodeCacheCapable: true };
    start(
      { ...settings, filterVerb: 'strict', managedResources: [{ name: 'example.com/gpu', ignoredByScheduler: true }] },
      { ...settings, filterVerb: 'filter', ignorable: true },
    );
    await cluster.createPod('lenient');
    expect(await cluster.bound('lenient')).toBe('n1');
    const resources = { limits: { 'example.com/gpu': '1' } };
    await cluster.createPod('strict', { spec: { containers: [{ name: 'main', image: 'app', resources }] } });
    const { reason, message = '' } = await cluster.conditionOf('strict');
    expect(reason).toBe('SchedulerError');
    const expected = problem.replace('<url>', urlPrefix.slice(0, -1)).replace('/filter', '/strict');
    expect(message.replace('failed strict', 'failed filter')).toContain(expected);
  });
});

describe('extenders that prioritize [S11]', () => {
  it('add their scores of 0 to 10, scaled and weighted; one that fails adds nothing', async () => {
    // Alone, the scheduler would take the empty one.
    await cluster.createNode(nodeOf('busy', { labels: { only: 'busy' } }));
    await createNodes('empty');
    const good = await startExtender({
      prioritize: ({ Nodes }) =>
        Nodes!.items.map(({ metadata }) => ({ Host: metadata.name, Score: metadata.name === 'busy' ? 10 : 0 })),
    });
    const failing = await startExtender({ prioritize: () => 503 });
    start(
      { urlPrefix: good, prioritizeVerb: 'prioritize', weight: 20 },
      { urlPrefix: failing, prioritizeVerb: 'prioritize', weight: 1000 },
    );
    await cluster.createPod('first', { requests: { cpu: '3' }, spec: { nodeSelector: { only: 'busy' } } });
    await cluster.bound('first');
    await cluster.createPod('second', { requests: { cpu: '500m' } });
    expect(await cluster.bound('second')).toBe('busy');
  });
});

describe('extenders that bind [S11]', () => {
  it('do it in the place of the plugin, and are believed when they say that they could not', async () => {
    await createNodes('n1');
    const asked: Question[] = [];
    const urlPrefix = await startExtender({
      bind: async (question) => {
        asked.push(question);
        const { PodName: name, PodNamespace: namespace, Node } = question;
        if (name === 'refused') return { Error: 'not this one' };
        const binding = {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, namespace, annotations: { 'example.com/by': 'extender' } },
          target: { kind: 'Node', name: Node },
        };
        await cluster.client.create(pods, binding, { name, subresource: 'binding' });
        return { Error: '' };
      },
    });
    start({ urlPrefix, bindVerb: 'bind' });
    const { metadata } = await cluster.createPod('p');
    expect(await cluster.bound('p')).toBe('n1');
    expect(asked).toEqual([{ PodName: 'p', PodNamespace: 'default', PodUID: metadata.uid, Node: 'n1' }]);
    expect((await cluster.getPod('p')).metadata.annotations).toEqual({ 'example.com/by': 'extender' });
    expect((await cluster.eventOf('p', 'Scheduled')).message).toBe('Successfully assigned default/p to n1');
    await cluster.createPod('refused');
    expect(await cluster.conditionOf('refused')).toMatchObject({ reason: 'SchedulerError', message: 'not this one' });
    expect((await cluster.getPod('refused')).spec.nodeName).toBeUndefined();
  });
});

describe('extenders that have a say in preemption [S11]', () => {
  const small = (name: string): ReturnType<typeof nodeOf> =>
    nodeOf(name, { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } });
  const asking = (priorityClassName: string, node: string): Parameters<TestCluster['createPod']>[1] => ({
    requests: { cpu: '800m' },
    spec: { priorityClassName, terminationGracePeriodSeconds: 0, ...(node && { nodeSelector: { node } }) },
  });

  beforeEach(async () => {
    for (const [name, value] of [
      ['low', 1],
      ['high', 100],
    ] as const)
      await cluster.client.create(priorityClasses, {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value,
      } as PriorityClass);
    for (const name of ['n1', 'n2'])
      await cluster.createNode({ ...small(name), metadata: { name, labels: { node: name } } });
  });

  it.each([false, true])('leave the nodes that are right (victims by name: %p)', async (nodeCacheCapable) => {
    const asked: Question[] = [];
    const urlPrefix = await startExtender({
      preempt: (question) => {
        asked.push(question);
        const { NodeNameToVictims: all, NodeNameToMetaVictims: names } = question;
        const uids = nodeCacheCapable ? names!.n2!.Pods : all!.n2!.Pods.map(({ metadata }) => ({ UID: metadata.uid }));
        return { NodeNameToMetaVictims: { n2: { Pods: uids, NumPDBViolations: 0 } } };
      },
    });
    start({ urlPrefix, preemptVerb: 'preempt', nodeCacheCapable });
    for (const name of ['n1', 'n2']) {
      await cluster.createPod(`on-${name}`, asking('low', name));
      await cluster.bound(`on-${name}`);
    }
    await cluster.createPod('preemptor', asking('high', ''));
    expect(await cluster.bound('preemptor')).toBe('n2');
    expect((await cluster.getPod('on-n1')).metadata.deletionTimestamp).toBeUndefined();
    const { NodeNameToVictims: whole, NodeNameToMetaVictims: byName } = asked[0]!;
    expect([whole === null, byName === null]).toEqual([nodeCacheCapable, !nodeCacheCapable]);
    expect(Object.keys((whole ?? byName)!).sort()).toEqual(['n1', 'n2']);
  });

  it.each<[string, unknown, boolean, string]>([
    ['fail', 500, false, 'failed preempt with extender at URL'],
    ['leave none', { NodeNameToMetaVictims: {} }, false, 'no candidate node for preemption'],
    [
      'name no victims',
      { NodeNameToMetaVictims: { n1: { Pods: [] } } },
      false,
      'expected at least one victim pod on node "n1"',
    ],
    ['name no victims, and may fail', { NodeNameToMetaVictims: { n1: {} } }, true, 'no candidate node for preemption'],
    [
      'name a pod that is not there',
      { NodeNameToMetaVictims: { n1: { Pods: [{ UID: 'u' }] } } },
      false,
      'claims to preempt pod (UID: u) on node: n1, but the pod is not found on that node',
    ],
    ['name a node that is not there', { NodeNameToMetaVictims: { n9: {} } }, false, 'not found for node name "n9"'],
  ])('have nobody preempted when they %s', async (_name, answer, ignorable, problem) => {
    start({ urlPrefix: await startExtender({ preempt: () => answer }), preemptVerb: 'preempt', ignorable });
    await cluster.createPod('victim', asking('low', 'n1'));
    await cluster.bound('victim');
    await cluster.createPod('preemptor', asking('high', 'n1'));
    const { reason, message } = await cluster.conditionOf('preemptor');
    expect(reason).toBe('Unschedulable');
    expect(message).toContain('preemption: ');
    expect(message).toContain(problem);
    expect((await cluster.getPod('victim')).metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('extenders over HTTPS [S11]', () => {
  it('are known by their authority and know the scheduler by its certificate', async () => {
    const nowMs = Date.now();
    const order = { nowMs, notAfterMs: nowMs + 86_400_000, random: realRandom };
    const ca = await createCertificateAuthority({ commonName: 'ca', ...order });
    const own = await issueCertificate({ ca, commonName: 'ext', dnsNames: ['ext.test'], usages: ['server'], ...order });
    const client = await issueCertificate({ ca, commonName: 'scheduler', usages: ['client'], ...order });
    const clients: string[] = [];
    const answering = { key: own.privateKey, cert: own.certificate, ca: ca.certificate, requestCert: true };
    const server = createTlsServer({ ...answering, rejectUnauthorized: true }, (request, response) => {
      clients.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
      void read(request).then(({ NodeNames }) => response.end(JSON.stringify({ NodeNames })));
    });
    const urlPrefix = `https://127.0.0.1:${await listen(server)}`;
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const tlsConfig = {
      caData: base64(ca.certificate),
      certData: base64(client.certificate),
      keyData: base64(client.privateKey),
    };
    const settings = { urlPrefix, filterVerb: 'filter', nodeCacheCapable: true, enableHTTPS: true };
    await createNodes('n1');
    start(
      { ...settings, tlsConfig: { ...tlsConfig, serverName: 'ext.test' } },
      {
        ...settings,
        tlsConfig: { ...tlsConfig, serverName: 'other.test' },
        managedResources: [{ name: 'example.com/x' }],
      },
    );
    await cluster.createPod('p');
    expect(await cluster.bound('p')).toBe('n1');
    expect(clients).toEqual(['scheduler']);
    await cluster.patchNode('n1', { status: { allocatable: { cpu: '4', pods: '9', 'example.com/x': '1' } } }, 'status');
    const resources = { limits: { 'example.com/x': '1' } };
    await cluster.createPod('q', { spec: { containers: [{ name: 'main', image: 'app', resources }] } });
    const isRefused = await eventually(async () => {
      const { message = '' } = await cluster.conditionOf('q');
      return message.includes("Hostname/IP does not match certificate's altnames");
    });
    expect(isRefused).toBe(true);
  });
});
