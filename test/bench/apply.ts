/** Server-side apply in this process, over storage in memory: an object of 50 fields, and definitions of 600 KB. */
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { BenchLine } from './bench-line.ts';

const DEPLOYMENT = '/apis/apps/v1/namespaces/default/deployments/bench?fieldManager=bench';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WARM_UP = 500;
const APPLIES = 3_000;
const DEFINITION_BYTES = 600_000;

export async function run(): Promise<BenchLine[]> {
  const server = await startTestServer();
  try {
    const changing = await applies(server, (i) => deployment(String(i)));
    const same = await applies(server, () => deployment('same'));
    const [first, again] = await definitions(server);
    return [
      line('apply of a Deployment of 50 fields, one of which changes', changing),
      line('the same, unchanged', same),
      {
        scenario: 'apply',
        what: 'apply of a CustomResourceDefinition of 600 KB, new',
        value: first!,
        unit: 'ms',
        target: '≤ 1,000',
        ok: first! <= 1_000,
      },
      {
        scenario: 'apply',
        what: 'the same with another description',
        value: again!,
        unit: 'ms',
        target: '≤ 1,000',
        ok: again! <= 1_000,
      },
    ];
  } finally {
    await server.close();
  }
}

function line(what: string, value: number): BenchLine {
  return { scenario: 'apply', what, value, unit: '/s', target: '≥ 1,000', ok: value >= 1_000 };
}

async function applies(server: TestServer, objectOf: (i: number) => object): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await apply(server, DEPLOYMENT, objectOf(i));
  const startedMs = performance.now();
  for (let i = 0; i < APPLIES; i++) await apply(server, DEPLOYMENT, objectOf(WARM_UP + i));
  return (APPLIES / (performance.now() - startedMs)) * 1000;
}

/** The median of five each: the first apply, and one that changes a description. */
async function definitions(server: TestServer): Promise<number[]> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < 5; i++) {
    const url = `${DEFINITIONS}/big${i}s.bench.example.com?fieldManager=bench&force=true`;
    for (const [round, list] of times.entries()) {
      const body = definition(`big${i}`, `round ${round}`);
      const startedMs = performance.now();
      await apply(server, url, body);
      list.push(performance.now() - startedMs);
    }
  }
  return times.map((list) => list.sort((a, b) => a - b)[2]!);
}

async function apply(server: TestServer, url: string, body: object): Promise<void> {
  const { status, body: answer } = await server.send('PATCH', url, {
    body,
    contentType: 'application/apply-patch+yaml',
  });
  if (status >= 300) throw new Error(JSON.stringify(answer).slice(0, 500));
}

/** Fifty fields that its manager owns. */
function deployment(changing: string): object {
  const labels = { app: 'bench', tier: 'web', release: 'r1', team: 'a' };
  const probe = (path: string): object => ({ httpGet: { path, port: 8080 }, periodSeconds: 5, failureThreshold: 3 });
  const container = (name: string): object => ({
    name,
    image: `registry.example/${name}:1`,
    args: ['--verbose'],
    env: [
      { name: 'MODE', value: 'production' },
      { name: 'CHANGING', value: changing },
    ],
    ports: [{ containerPort: 8080, name: 'http' }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
    readinessProbe: probe('/ready'),
    livenessProbe: probe('/live'),
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'bench', namespace: 'default', labels, annotations: { 'example.com/owner': 'a' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'bench' } },
      template: {
        metadata: { labels },
        spec: { containers: [container('web'), container('side')], volumes: [{ name: 'data', emptyDir: {} }] },
      },
    },
  };
}

function definition(singular: string, description: string): object {
  const properties: Record<string, object> = {};
  const plural = `${singular}s`;
  for (let i = 0; JSON.stringify(properties).length < DEFINITION_BYTES; i++) properties[`part${i}`] = nested(6);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.bench.example.com` },
    spec: {
      group: 'bench.example.com',
      scope: 'Namespaced',
      names: { plural, singular, kind: singular[0]!.toUpperCase() + singular.slice(1) },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', description, properties } } },
          },
        },
      ],
    },
  };
}

function nested(levels: number): object {
  const description = 'One of the many parts of an object that somebody has described at length.';
  if (levels === 0) return { type: 'string', description, maxLength: 253 };
  return {
    type: 'object',
    description,
    properties: {
      name: { type: 'string', description },
      list: { type: 'array', description, items: nested(levels - 1) },
      next: nested(Math.max(0, levels - 3)),
    },
  };
}
