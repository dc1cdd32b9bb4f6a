/** One kind of a server under test, as the suite of every kind talks to it. */
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { WatchEvent } from '../../api/machinery/handler.ts';
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

  /** Reads and replaces. */
  async update(name: string, change: (object: SampleObject) => void, subresource = ''): Promise<SampleObject> {
    const object = await this.get(name);
    change(object);
    return this.call('PUT', this.path(name, subresource), object);
  }

  async names(): Promise<string[]> {
    const { items } = (await this.call('GET', this.collection)) as unknown as { items: SampleObject[] };
    return items.map(({ metadata }) => metadata.name!);
  }

  watch(query: string, signal: AbortSignal): Promise<AsyncIterator<WatchEvent>> {
    return this.#server.watch(`${this.collection}?watch=true&${query}`, signal);
  }

  /** Deletes, and finishes what a controller would have to do. */
  async remove(name: string): Promise<void> {
    await this.call('DELETE', this.path(name));
    const { status, body } = await this.send('GET', this.path(name));
    if (status === 404) return;
    const object = body as SampleObject;
    if ((object.metadata.finalizers ?? []).length > 0) {
      await this.patch(this.path(name), 'merge-patch+json', { metadata: { finalizers: null } });
    }
    const { finalizers } = (object.spec ?? {}) as { finalizers?: string[] };
    if (this.resource.names.kind === 'Namespace' && finalizers !== undefined) {
      const finalized: Json = { ...(await this.get(name)), spec: { finalizers: [] } };
      await this.call('PUT', this.path(name, 'finalize'), finalized);
    }
  }
}
