/** One kind of a server under test, as the suite of every kind talks to it. */
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import { realClock, sleep } from '../../base/clock.ts';
import type { TestResponse, TestServer } from '../../apiserver/testing.ts';
import type { Json, SampleObject } from './samples.ts';

export type PatchType = 'json-patch+json' | 'merge-patch+json' | 'strategic-merge-patch+json' | 'apply-patch+yaml';

export class KindClient {
  readonly resource: Resource;
  readonly collection: string;
  readonly #server: TestServer;

  constructor(server: TestServer, resource: Resource) {
    this.#server = server;
    this.resource = resource;
    const root = resource.group === '' ? '/api/v1' : `/apis/${apiVersionOf(resource)}`;
    const namespace = resource.scope === 'Namespaced' ? '/namespaces/default' : '';
    this.collection = `${root}${namespace}/${resource.names.plural}`;
  }

  path(name: string, subresource = ''): string {
    return `${this.collection}/${name}${subresource === '' ? '' : `/${subresource}`}`;
  }

  send(method: string, path: string, options: { body?: unknown; accept?: string } = {}): Promise<TestResponse> {
    return this.#server.send(method, path, options);
  }

  /** Throws what the server said against it. */
  async call(method: string, path: string, body?: unknown): Promise<SampleObject> {
    const { status, body: reply } = await this.send(method, path, body === undefined ? {} : { body });
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(reply)}`);
    return reply as SampleObject;
  }

  async patch(path: string, type: PatchType, body: unknown): Promise<SampleObject> {
    const query = type.startsWith('apply') ? '?fieldManager=every-kind' : '';
    const contentType = `application/${type}`;
    const { status, body: reply } = await this.#server.send('PATCH', `${path}${query}`, { body, contentType });
    if (status >= 400) throw new Error(`PATCH (${type}) ${path}: ${status} ${JSON.stringify(reply)}`);
    return reply as SampleObject;
  }

  create(object: SampleObject): Promise<SampleObject> {
    return this.call('POST', this.collection, object);
  }

  get(name: string): Promise<SampleObject> {
    return this.call('GET', this.path(name));
  }

  /** Reads and replaces, again when somebody else wrote in between. */
  async update(name: string, change: (object: SampleObject) => void, subresource = ''): Promise<SampleObject> {
    for (;;) {
      const object = await this.get(name);
      change(object);
      const path = this.path(name, subresource);
      const { status, body } = await this.send('PUT', path, { body: object });
      if (status < 400) return body as SampleObject;
      if (status !== 409) throw new Error(`PUT ${path}: ${status} ${JSON.stringify(body)}`);
    }
  }

  async names(): Promise<string[]> {
    const { items } = (await this.call('GET', this.collection)) as unknown as { items: SampleObject[] };
    return items.map(({ metadata }) => metadata.name!);
  }

  watch(query: string, signal: AbortSignal): Promise<AsyncIterator<WatchEvent>> {
    return this.#server.watch(`${this.collection}?watch=true&${query}`, signal);
  }

  /** Deletes, and finishes what a controller would have to do, unless the server has one that does. */
  async remove(name: string): Promise<void> {
    const path = this.path(name);
    const { status: deleted, body: reply } = await this.send('DELETE', path);
    if (deleted >= 400 && deleted !== 404) throw new Error(`DELETE ${path}: ${deleted} ${JSON.stringify(reply)}`);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { status, body } = await this.send('GET', path);
      if (status === 404) return;
      await this.#finish(name, body as SampleObject);
      if (attempt > 0) await sleep(realClock, PAUSE_MS);
    }
    throw new Error(`${path} is still there`);
  }

  async #finish(name: string, object: SampleObject): Promise<void> {
    const contentType = 'application/merge-patch+json';
    if ((object.metadata.finalizers ?? []).length > 0) {
      const body = { metadata: { finalizers: null } };
      await this.#server.send('PATCH', this.path(name), { body, contentType });
    }
    const { finalizers } = (object.spec ?? {}) as { finalizers?: string[] };
    if (this.resource.names.kind !== 'Namespace' || finalizers === undefined) return;
    const finalized: Json = { ...object, spec: { finalizers: [] } };
    await this.send('PUT', this.path(name, 'finalize'), { body: finalized });
  }
}

const ATTEMPTS = 200;
const PAUSE_MS = 10;
