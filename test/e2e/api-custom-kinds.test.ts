/** The life of a custom kind and its objects, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, CommandResult, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, kubectlIn, MINORS, startCluster, writeFile } from './harness.ts';

const NAME = 'crontabs.stable.example.com';
const PATTERN = String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$`;
const text = { type: 'string' };

const CRON_TABS = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: NAME },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
        ],
        schema: {
          openAPIV3Schema: {
            description: 'Something that happens at times.',
            type: 'object',
            properties: {
              spec: {
                description: 'When, and what.',
                type: 'object',
                required: ['cronSpec'],
                properties: {
                  cronSpec: { type: 'string', pattern: PATTERN, description: 'As in a crontab.' },
                  image: text,
                  replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
                  steps: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: text } } },
                },
              },
              status: {
                type: 'object',
                properties: {
                  replicas: { type: 'integer' },
                  conditions: { type: 'array', items: { type: 'object', properties: { type: text, status: text } } },
                },
              },
            },
          },
        },
      },
    ],
  },
});

const cronTab = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: 'stable.example.com/v1',
    kind: 'CronTab',
    metadata: { name, finalizers: ['stable.example.com/hold'] },
    spec,
  });
const nightly = (image: string): string =>
  cronTab('nightly', { cronSpec: '0 3 * * *', image, steps: [{ name: 'one' }] });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

describe.each(MINORS)('kubectl 1.%s and a custom kind', (minor) => {
  let k: NamespacedKubectl;
  const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));
  const patch = (type: string, body: string, ...further: string[]): CommandResult =>
    k('patch', 'ct', 'nightly', `--type=${type}`, '-p', body, ...further);
  const PATCHED = done('crontab.stable.example.com/nightly patched\n');

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  it('learns of it: apply, wait, api-resources, explain', () => {
    const apply = (): CommandResult => k.given(CRON_TABS, 'apply', '-f', '-');
    const crd = `customresourcedefinition.apiextensions.k8s.io/${NAME}`;
    expect(apply()).toEqual(done(`${crd} created\n`));
    expect(apply()).toEqual(done(`${crd} unchanged\n`));
    for (const what of ['condition=Established', 'jsonpath={.status.acceptedNames.kind}=CronTab'])
      expect(k('wait', `--for=${what}`, `crd/${NAME}`, '--timeout=10s')).toEqual(done(`${crd} condition met\n`));
    expect(k.ok('api-resources', '--api-group=stable.example.com', '--no-headers')).toMatch(
      /^crontabs +ct +stable.example.com\/v1 +true +CronTab\n$/,
    );
    expect(k.ok('explain', 'crontabs')).toMatch(
      /DESCRIPTION:\n {4}Something that happens at times\.\n[^]*\n {2}spec\t<Object>\n {4}When, and what\.\n/,
    );
    expect(k.ok('explain', 'ct.spec', '--recursive')).toContain(
      '  cronSpec\t<string> -required-\n  image\t<string>\n  replicas\t<integer>\n  steps\t<[]Object>\n    name\t<string> -required-\n',
    );
  });

  it('applies, diffs and shows', () => {
    const apply = (image: string): CommandResult => k.given(nightly(image), 'apply', '-f', '-');
    expect(apply('a')).toEqual(done('crontab.stable.example.com/nightly created\n'));
    expect(k.given(nightly('a'), 'diff', '-f', '-')).toEqual(done(''));
    for (const side of ['false', 'true']) {
      const { code, stdout } = k.given(nightly('b'), 'diff', '-f', '-', `--server-side=${side}`);
      expect(code).toBe(1);
      expect(stdout).toContain('-  image: a\n+  image: b\n');
    }
    expect(apply('b')).toEqual(done('crontab.stable.example.com/nightly configured\n'));
    expect(apply('b')).toEqual(done('crontab.stable.example.com/nightly unchanged\n'));
    expect(object('ct', 'nightly')).toMatchObject({ metadata: { generation: 2 }, spec: { image: 'b', replicas: 1 } });
    expect(k.ok('get', 'all')).toMatch(
      /NAME +SPEC +REPLICAS +READY\ncrontab.stable.example.com\/nightly +0 3 \* \* \* +1 +\n/,
    );
    expect(k.ok('get', 'crontab', '-o', 'wide')).toMatch(/^NAME +SPEC +REPLICAS +READY +IMAGE\nnightly .* +1 +b\n$/);
  });

  it('labels, annotates, edits', () => {
    expect(k('label', 'ct', 'nightly', 'tier=web')).toEqual(done('crontab.stable.example.com/nightly labeled\n'));
    expect(k('annotate', 'ct', 'nightly', 'note=x')).toEqual(done('crontab.stable.example.com/nightly annotated\n'));
    expect(k.ok('get', 'ct', '-l', 'tier=web', '-o', 'name')).toBe('crontab.stable.example.com/nightly\n');
    const editor = { EDITOR: "sed -i 's/^  image: b/  image: c/'" };
    expect(k.withEnv(editor, 'edit', 'ct', 'nightly')).toEqual(done('crontab.stable.example.com/nightly edited\n'));
    expect(object('ct', 'nightly').spec.image).toBe('c');
  });

  it('patches in two ways, and its status apart', () => {
    expect(patch('merge', '{"spec":{"replicas":3}}')).toEqual(PATCHED);
    expect(patch('json', '[{"op":"add","path":"/spec/steps/-","value":{"name":"two"}}]')).toEqual(PATCHED);
    const strategic = patch('strategic', '{"spec":{"replicas":4}}');
    expect(strategic.code).toBe(1);
    expect(strategic.stderr).toContain(
      'application/strategic-merge-patch+json is not supported by stable.example.com/v1',
    );
    const status = '{"spec":{"replicas":9},"status":{"replicas":2,"conditions":[{"type":"Ready","status":"True"}]}}';
    expect(patch('merge', status, '--subresource=status')).toEqual(PATCHED);
    expect(object('ct', 'nightly')).toMatchObject({
      spec: { replicas: 3, steps: [{ name: 'one' }, { name: 'two' }] },
      status: { replicas: 2 },
    });
    for (const what of ['condition=Ready', 'jsonpath={.spec.replicas}=3'])
      expect(k('wait', `--for=${what}`, 'ct/nightly', '--timeout=5s').code).toBe(0);
    expect(k('scale', 'ct/nightly', '--replicas=5')).toEqual(done('crontab.stable.example.com/nightly scaled\n'));
    expect(k.ok('get', 'ct', 'nightly')).toMatch(/\nnightly +0 3 \* \* \* +5 +True\n$/);
  });

  it('says what does not fit', () => {
    expect(patch('merge', '{"spec":{"replicas":"x"}}')).toEqual(
      failed(
        'The CronTab "nightly" is invalid: spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"\n',
      ),
    );
    expect(k.given(cronTab('bad', { cronSpec: 'never', replicas: 11 }), 'apply', '-f', '-')).toEqual(
      failed(
        `The CronTab "bad" is invalid: \n* spec.cronSpec: Invalid value: "never": spec.cronSpec in body should match '${PATTERN}'\n* spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10\n`,
      ),
    );
    const { code, stderr } = k.given(cronTab('odd', { cronSpec: '* * * * *', nosuch: 1 }), 'create', '-f', '-');
    expect(code).toBe(1);
    expect(stderr).toContain('strict decoding error: unknown field "spec.nosuch"');
  });

  it('takes over fields on the server only by force', () => {
    const apply = (...args: string[]): CommandResult =>
      k.given(nightly('d'), 'apply', '--server-side', '-f', '-', ...args);
    const { code, stderr } = apply();
    expect(code).toBe(1);
    expect(stderr).toContain('error: Apply failed with 2 conflicts: conflicts with "kubectl-edit"');
    expect(apply('--force-conflicts')).toEqual(done('crontab.stable.example.com/nightly serverside-applied\n'));
    expect(object('ct', 'nightly').spec).toMatchObject({ image: 'd', replicas: 5 });
  });

  it('asks who may do what, as others and with their tokens', () => {
    const mayCreate = (...args: string[]): string => k('auth', 'can-i', 'create', NAME, ...args).stdout;
    const robot = `system:serviceaccount:${k.namespace}:robot`;
    expect(mayCreate()).toBe('yes\n');
    expect(mayCreate('--as=jane')).toBe('no\n');
    expect(k('get', 'ct', '--as=jane')).toEqual(
      failed(
        `Error from server (Forbidden): crontabs.stable.example.com is forbidden: User "jane" cannot list resource "crontabs" in API group "stable.example.com" in the namespace "${k.namespace}"\n`,
      ),
    );
    k.ok('create', 'serviceaccount', 'robot');
    k.ok('create', 'role', 'reader', '--verb=get,list', `--resource=${NAME}`);
    k.ok('create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${k.namespace}:robot`);
    expect(k.ok('get', 'ct', `--as=${robot}`, '-o', 'name')).toBe('crontab.stable.example.com/nightly\n');
    const config = writeFile(cluster.dataDir, `robot-${minor}.kubeconfig`, k.ok('config', 'view', '--raw'));
    k.ok(
      'config',
      'set-credentials',
      'robot',
      `--token=${k.ok('create', 'token', 'robot').trim()}`,
      `--kubeconfig=${config}`,
    );
    const asRobot = ['--user=robot', `--kubeconfig=${config}`];
    expect(k.ok('get', 'ct', '-o', 'name', ...asRobot)).toBe('crontab.stable.example.com/nightly\n');
    expect(k('delete', 'ct', 'nightly', ...asRobot).stderr).toContain(
      `User "${robot}" cannot delete resource "crontabs"`,
    );
  });

  it('watches, and deletes what a finalizer holds, with and without waiting', async () => {
    const args = ['get', 'ct', `--namespace=${k.namespace}`, '--watch', '--output-watch-events'];
    const watching = cluster.spawn(cluster.kubectlPath(minor), args);
    let seen = '';
    watching.stdout!.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    try {
      await eventually('the first line', () => seen !== '');
      expect(k('delete', 'ct', 'nightly', '--wait=false').code).toBe(0);
      expect(object('ct', 'nightly').metadata.deletionTimestamp).toBeDefined();
      expect(k('delete', 'ct', 'nightly', '--timeout=1s').code).toBe(1);
      expect(patch('json', '[{"op":"remove","path":"/metadata/finalizers"}]')).toEqual(PATCHED);
      expect(k('wait', '--for=delete', 'ct/nightly', '--timeout=5s').code).toBe(0);
      await eventually('its end in the watch', () => seen.includes('DELETED'));
    } finally {
      watching.kill('SIGKILL');
    }
    expect(k('get', 'ct')).toEqual(done('', `No resources found in ${k.namespace} namespace.\n`));
  });

  it('deletes it with its objects', () => {
    expect(k.given(nightly('a'), 'apply', '-f', '-').code).toBe(0);
    expect(k('delete', 'crd', NAME, '--wait=false').code).toBe(0);
    expect(object('crd', NAME).status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Terminating', reason: 'InstanceDeletionInProgress' }),
    );
    expect(patch('merge', '{"metadata":{"finalizers":null}}')).toEqual(PATCHED);
    expect(k('wait', '--for=delete', `crd/${NAME}`, '--timeout=10s').code).toBe(0);
    expect(k.ok('api-resources', '--api-group=stable.example.com', '--no-headers')).toBe('');
    const { code, stderr } = k.given(nightly('a'), 'create', '-f', '-');
    expect(code).toBe(1);
    expect(stderr).toMatch(/ensure CRDs are installed first|could not find the requested resource/);
  });
});

/** A schema of `width` to the power of `depth` texts. */
function large(depth: number, width: number): object {
  const description = 'A field of which there is much to say. '.repeat(4);
  if (depth === 0) return { type: 'string', maxLength: 100, description };
  const entries = Array.from({ length: width }, (_, i) => [`field${i}`, large(depth - 1, width)]);
  return { type: 'object', description, properties: Object.fromEntries(entries) };
}

describe('definitions of more than 500 KB', () => {
  const GROUP = 'large.example.com';
  const plurals = ['firsts', 'seconds', 'thirds', 'fourths', 'fifths'];
  const definitions = plurals.map((plural) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural, singular: plural.slice(0, -1), kind: `${plural[0]!.toUpperCase()}${plural.slice(1, -1)}` },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: large(4, 7) } }],
    },
  }));
  const names = plurals.map((plural) => `customresourcedefinition.apiextensions.k8s.io/${plural}.${GROUP}`);

  it('are applied on the server, five at once, and serve [T8]', async () => {
    for (const definition of definitions) expect(JSON.stringify(definition).length).toBeGreaterThan(500_000);
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: definitions });
    for (let time = 1; time <= 2; time++) {
      expect(cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: list })).toEqual(
        done(names.map((name) => `${name} serverside-applied\n`).join('')),
      );
    }
    cluster.run('wait', '--for=condition=Established', ...names, '--timeout=20s');
    cluster.apply(
      `{apiVersion: ${GROUP}/v1, kind: Fifth, metadata: {name: one}, field6: {field6: {field6: {field6: x}}}}`,
    );
    expect(JSON.parse(cluster.run('get', 'fifth', 'one', '-o', 'json'))).toMatchObject({
      field6: { field6: { field6: { field6: 'x' } } },
    });
    expect(cluster.run('explain', 'firsts.field6.field6.field6.field6')).toContain('FIELD: field6 <string>');
  });

  it('do not fit into the annotation of an apply by the client', () => {
    expect(cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(definitions[0]) })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('metadata.annotations: Too long: may not be more than 262144 bytes'),
    });
  });

  it('go', () => {
    cluster.run('delete', ...names, '--timeout=20s');
  });
});
