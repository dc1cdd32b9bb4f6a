/** What is published of custom kinds: upstream's test/e2e/apimachinery/crd_publish_openapi.go, with kubectl. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListeningServer } from '../../apiserver/http/testing.ts';
import { startListeningServer } from '../../apiserver/http/testing.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const KUBECTL = join(import.meta.dirname, '../../dist/kubectl/35/kubectl');
const withKubectl = existsSync(KUBECTL) ? it : it.skip;
if (!existsSync(KUBECTL)) console.warn('kubectl 1.35 is missing (dist/kubectl/35): what it is shown is not tested');

type Json = Record<string, unknown>;

const text = (description: string, more: Json = {}): Json => ({ type: 'string', description, ...more });
const list = (description: string, items: Json): Json => ({ type: 'array', description, items });
const object = (description: string, properties: Json, more: Json = {}): Json => ({
  type: 'object',
  ...(description === '' ? {} : { description }),
  properties,
  ...more,
});

const FOO = object('Foo CRD for Testing', {
  spec: object('Specification of Foo', {
    bars: list(
      'List of Bars and their specs.',
      object(
        '',
        {
          name: text('Name of Bar.'),
          age: text('Age of Bar.'),
          feeling: text('Whether Bar is feeling great.', { enum: ['Great', 'Down'] }),
          bazs: list('List of Bazs.', { type: 'string' }),
        },
        { required: ['name'] },
      ),
    ),
  }),
  status: object('Status of Foo', {
    bars: list(
      'List of Bars and their statuses.',
      object('', { name: text('Name of Bar.'), quxType: text('An external qux.', { pattern: 'in-tree|out-of-tree' }) }),
    ),
  }),
});
const waldo = (description: string, root: Json = {}, spec: Json = {}): Json =>
  object(
    description,
    { spec: object('Specification of Waldo', { dummy: { type: 'object', description: 'Dummy property.' } }, spec) },
    root,
  );
const WALDO = waldo('Waldo CRD for Testing');
const KEEPS = { 'x-kubernetes-preserve-unknown-fields': true };

let server: ListeningServer;
let directory: string;

beforeAll(async () => {
  server = await startListeningServer();
  directory = mkdtempSync(join(tmpdir(), 'openapi-'));
  const cluster = {
    server: `https://127.0.0.1:${server.port}`,
    'certificate-authority-data': Buffer.from(server.ca).toString('base64'),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'none' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(directory, 'config'), JSON.stringify(config));
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

interface Ran {
  code: number;
  output: string;
}

/** Runs kubectl while this process serves it. */
function kubectl(args: readonly string[], input = ''): Promise<Ran> {
  const own = ['--kubeconfig', join(directory, 'config'), '--cache-dir', join(directory, 'cache')];
  return new Promise((resolve) => {
    const child = execFile(KUBECTL, [...own, ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

interface Made {
  group: string;
  kind: string;
  plural: string;
}

function pluralOf({ plural, group }: Made): string {
  return `${plural}.${group}`;
}

async function define(group: string, kind: string, schema: Json, versions: readonly string[] = ['v1']): Promise<Made> {
  const plural = `${kind.toLowerCase()}s`;
  await server.call('POST', DEFINITIONS, {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: versions.map((name, i) => ({
        name,
        served: true,
        storage: i === 0,
        schema: { openAPIV3Schema: schema },
      })),
    },
  });
  return { group, kind, plural };
}

/** The definition that is published for a version, without what every object has. */
async function published({ group, kind }: Made, version: string): Promise<Json | undefined> {
  const { definitions } = await server.call<{ definitions: Record<string, Json> }>('GET', '/openapi/v2');
  const found = definitions[`${group.split('.').reverse().join('.')}.${version}.${kind}`];
  if (found === undefined) return undefined;
  const { 'x-kubernetes-group-version-kind': _kinds, properties, ...rest } = found as Json & { properties?: Json };
  const { metadata: _metadata, apiVersion: _apiVersion, kind: _kind, ...own } = properties ?? {};
  return { ...rest, properties: own };
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 100) throw error;
      await delay(50);
    }
  }
}

function appears(made: Made, version: string, schema: Json): Promise<void> {
  return eventually(async () => expect(await published(made, version)).toEqual(schema));
}

function goes(made: Made, version: string): Promise<void> {
  return eventually(async () => expect(await published(made, version)).toBeUndefined());
}

async function remove(made: Made, ...versions: string[]): Promise<void> {
  await server.call('DELETE', `${DEFINITIONS}/${pluralOf(made)}`);
  for (const version of versions) await goes(made, version);
}

/** kubectl creates and applies an object with this content, and deletes it each time. */
async function isTaken(made: Made, content: Json): Promise<void> {
  const { group, kind } = made;
  const body = JSON.stringify({ kind, apiVersion: `${group}/v1`, metadata: { name: 'test-cr' }, ...content });
  for (const verb of ['create', 'apply']) {
    expect(await kubectl([verb, '-f', '-'], body)).toMatchObject({ code: 0 });
    expect(await kubectl(['delete', pluralOf(made), 'test-cr'])).toMatchObject({ code: 0 });
  }
}

async function explained(made: Made, path = ''): Promise<string> {
  const { output } = await kubectl(['explain', `${made.plural}${path}`]);
  return output;
}

describe('the OpenAPI of custom resources', () => {
  withKubectl('[conformance: Custom Resource OpenAPI Publish, with validation schema]', async () => {
    const made = await define('foo.example.com', 'Foo', FOO);
    await appears(made, 'v1', FOO);
    await isTaken(made, { spec: { bars: [{ name: 'test-bar' }] } });
    const refused: [Json, string][] = [
      [{ foo: true }, 'unknown field "spec.foo"'],
      [{ bars: [{ age: '10' }] }, 'spec.bars[0].name: Required value'],
      [{ bars: [{ name: 'a', feeling: 'Other' }] }, 'Unsupported value: "Other"'],
    ];
    for (const [spec, message] of refused) {
      const body = { kind: 'Foo', apiVersion: 'foo.example.com/v1', metadata: { name: 'bad' }, spec };
      const { code, output } = await kubectl(['create', '-f', '-'], JSON.stringify(body));
      expect(code).toBe(1);
      expect(output).toContain(message);
    }
    expect(await explained(made)).toMatch(
      /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
    );
    expect(await explained(made, '.metadata')).toMatch(
      /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
    );
    expect(await explained(made, '.spec')).toMatch(
      /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
    );
    expect(await explained(made, '.spec.bars')).toMatch(
      /bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
    );
    expect(await explained(made, '.spec.bars2')).toContain('field "bars2" does not exist');
    await remove(made, 'v1');
  });

  withKubectl(
    '[conformance: Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object]',
    async () => {
      const made = await define('empty.example.com', 'Empty', { type: 'object', ...KEEPS });
      await isTaken(made, { a: { b: [{ c: 'd' }] } });
      expect(await explained(made)).toMatch(/DESCRIPTION:.*<empty>/s);
      await remove(made, 'v1');
    },
  );

  withKubectl(
    '[conformance: Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root]',
    async () => {
      const made = await define('root.example.com', 'Rooted', waldo('keeps unknown fields at its root', KEEPS));
      await isTaken(made, { a: { b: [{ c: 'd' }] } });
      expect(await explained(made)).toMatch(/KIND:.*Rooted/s);
      await remove(made, 'v1');
    },
  );

  withKubectl(
    '[conformance: Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object]',
    async () => {
      const made = await define('nested.example.com', 'Nested', waldo('keeps unknown fields below spec', {}, KEEPS));
      await isTaken(made, { spec: { b: [{ c: 'd' }] } });
      expect(await explained(made)).toMatch(/DESCRIPTION:.*keeps unknown fields below spec/s);
      await remove(made, 'v1');
    },
  );

  it('[conformance: Custom Resource OpenAPI Publish, varying groups]', async () => {
    const foo = await define('one.example.com', 'Foo', FOO);
    const other = await define('two.example.com', 'Waldo', WALDO, ['v1beta1']);
    await appears(other, 'v1beta1', WALDO);
    await appears(foo, 'v1', FOO);
    await remove(foo, 'v1');
    await remove(other, 'v1beta1');
  });

  it('[conformance: Custom Resource OpenAPI Publish, varying versions]', async () => {
    const several = await define('several.example.com', 'Foo', FOO, ['v2', 'v3']);
    await appears(several, 'v3', FOO);
    await appears(several, 'v2', FOO);
    await remove(several, 'v2', 'v3');
    const foo = await define('common.example.com', 'Foo', FOO, ['v4']);
    const other = await define('common.example.com', 'Waldo', WALDO, ['v5']);
    await appears(other, 'v5', WALDO);
    await appears(foo, 'v4', FOO);
    await remove(foo, 'v4');
    await remove(other, 'v5');
  });

  it('[conformance: Custom Resource OpenAPI Publish, varying kinds]', async () => {
    const foo = await define('kinds.example.com', 'Foo', FOO, ['v6']);
    const other = await define('kinds.example.com', 'Waldo', WALDO, ['v6']);
    await appears(other, 'v6', WALDO);
    await appears(foo, 'v6', FOO);
    await remove(foo, 'v6');
    await appears(other, 'v6', WALDO);
    await remove(other, 'v6');
  });

  it('[conformance: Custom Resource OpenAPI Publish, version rename]', async () => {
    const made = await define('rename.example.com', 'Foo', FOO, ['v2', 'v3']);
    await appears(made, 'v3', FOO);
    const body = [
      { op: 'test', path: '/spec/versions/1/name', value: 'v3' },
      { op: 'replace', path: '/spec/versions/1/name', value: 'v4' },
    ];
    const contentType = 'application/json-patch+json';
    const { status } = await server.send('PATCH', `${DEFINITIONS}/${pluralOf(made)}`, { body, contentType });
    expect(status).toBe(200);
    await appears(made, 'v4', FOO);
    await goes(made, 'v3');
    await appears(made, 'v2', FOO);
    await remove(made, 'v2', 'v4');
  });

  it('[conformance: Custom Resource OpenAPI Publish, stop serving version]', async () => {
    const made = await define('stop.example.com', 'Foo', FOO, ['v5', 'v6alpha1']);
    await appears(made, 'v6alpha1', FOO);
    const url = `${DEFINITIONS}/${pluralOf(made)}`;
    const present = await server.call<{ spec: { versions: { served: boolean }[] } }>('GET', url);
    present.spec.versions[1]!.served = false;
    await server.call('PUT', url, present);
    await goes(made, 'v6alpha1');
    await appears(made, 'v5', FOO);
    await remove(made, 'v5');
  });
});
