/** The OpenAPI paths, registered on the router; documents are built when first asked for, and again when kinds change. */
import { createHash } from 'node:crypto';
import type { ApiResponse } from '../../api/machinery/handler.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Descriptions } from '../../api/schema/table.ts';
import type { Endpoint, RequestContext } from '../request-context.ts';
import type { Router } from '../router.ts';
import { GIT_VERSION } from '../version.ts';
import { groupVersionPath } from './operations.ts';
import type { SubresourceInfo } from './operations.ts';
import type { PartV2 } from './v2.ts';
import { joinPartsV2, openApiV2Document, openApiV2Part } from './v2.ts';
import { encodeOpenApiV2 } from './v2-protobuf.ts';
import type { DocumentV2 } from './v2-protobuf.ts';
import { groupVersionsOf, openApiV3Document, openApiV3Hash, openApiV3Index } from './v3.ts';
import type { GroupVersion, OpenApiInput, OpenApiV3Index } from './v3.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for; `@` may not stand in a media type that is sent. */
const PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

export function addOpenApi(
  router: Router,
  {
    table,
    descriptions,
    remoteUrls,
  }: { table: SchemaTable; descriptions: () => Descriptions; remoteUrls: () => ReadonlyMap<string, string> },
): void {
  const documents = new Documents(router, { table, descriptions });
  router.addPath('/openapi/v2', (context) =>
    takesProtobuf(context)
      ? respond(context, documents.v2Protobuf(), PROTOBUF_TYPE)
      : negotiated(context, () => documents.v2()),
  );
  router.addPath('/openapi/v3', (context) => negotiated(context, () => withRemote(documents.index(), remoteUrls())));
  router.addPath('/openapi/v3/', documents.v3);
}

/** Other servers' documents are theirs to send: the index has where each is, by `apis/GROUP/VERSION`. */
function withRemote(index: Encoded, urls: ReadonlyMap<string, string>): Encoded {
  if (urls.size === 0) return index;
  const { paths } = JSON.parse(index.bytes.toString()) as OpenApiV3Index;
  for (const [path, serverRelativeURL] of urls) paths[path] = { serverRelativeURL };
  return encoded({ paths });
}

interface Encoded {
  bytes: Buffer;
  etag: string;
}

/** What was made for one group version. */
interface GroupVersionDocument {
  resources: readonly Resource[];
  hash?: string;
  document?: Encoded;
  /** Of the document of everything in version 2. */
  part?: PartV2;
}

/**
 * Encoded documents, kept until the kinds in them are others: a custom kind that comes or goes costs its own group
 * version's document, and those of everything when somebody asks for them.
 */
class Documents {
  readonly #router: Router;
  readonly #table: SchemaTable;
  readonly #descriptions: () => Descriptions;
  readonly #encoded = new Map<string, Encoded>();
  readonly #byPath = new Map<string, GroupVersionDocument>();
  #generation = -1;

  constructor(router: Router, { table, descriptions }: { table: SchemaTable; descriptions: () => Descriptions }) {
    this.#router = router;
    this.#table = table;
    this.#descriptions = descriptions;
  }

  index(): Encoded {
    return this.#keep('v3', ({ resources }) =>
      openApiV3Index(groupVersionsOf(resources), (groupVersion) => {
        const kept = this.#groupVersion(groupVersionPath(groupVersion))!;
        return (kept.hash ??= this.#hashOf(kept.resources, groupVersion));
      }),
    );
  }

  /** By parts: a custom kind that comes or goes leaves those of the others as they are. */
  v2(): Encoded {
    return this.#keep('v2', () => {
      const parts = [...this.#byPath.values()].map((kept) => (kept.part ??= this.#partV2(kept.resources)));
      return joinPartsV2(parts, GIT_VERSION);
    });
  }

  #partV2(resources: readonly Resource[]): PartV2 {
    return openApiV2Part({ ...this.#inputOf(resources), descriptions: this.#descriptions() });
  }

  /** A custom kind's document is made of its definition alone, so that alone is hashed: there may be thousands. */
  #hashOf(resources: readonly Resource[], groupVersion: GroupVersion): string {
    const input = this.#inputOf(resources);
    if (resources.some(({ structure }) => structure === undefined)) return openApiV3Hash(input, groupVersion);
    const definitions = resources.map(({ names, scope, subresources, schema }) => ({
      ...{ names, scope, subresources },
      schema: this.#table.get(schema)?.published,
    }));
    return createHash('sha256').update(JSON.stringify(definitions)).digest('hex').toUpperCase();
  }

  v2Protobuf(): Encoded {
    return this.#keep('v2-protobuf', (input) => encodeOpenApiV2(this.#documentV2(input) as unknown as DocumentV2));
  }

  #documentV2(input: OpenApiInput): Record<string, unknown> {
    return openApiV2Document({ ...input, descriptions: this.#descriptions(), serverVersion: GIT_VERSION });
  }

  /** `/openapi/v3/apis/apps/v1`; for good when the URL has the hash of the content, as those of the index have. */
  readonly v3: Endpoint = (context) => {
    const kept = this.#groupVersion(context.info.path.slice('/openapi/v3'.length));
    if (kept === undefined) throw errors.pathNotFound();
    const { group, version } = kept.resources[0]!;
    const response = negotiated(context, () => {
      const descriptions = this.#descriptions();
      const input = { ...this.#inputOf(kept.resources), group, version, descriptions };
      return (kept.document ??= encoded(openApiV3Document(input)));
    });
    if (context.request.query.has('hash')) response.headers['cache-control'] = 'public, immutable';
    return response;
  };

  /** By `/apis/apps/v1`; undefined when nothing is served there. */
  #groupVersion(path: string): GroupVersionDocument | undefined {
    this.#forgetOld();
    return this.#byPath.get(path);
  }

  /** What `build` gives is sent as JSON, unless it is encoded already. */
  #keep(name: string, build: (input: OpenApiInput) => unknown): Encoded {
    this.#forgetOld();
    let kept = this.#encoded.get(name);
    if (kept === undefined) {
      kept = encoded(build(this.#inputOf(this.#router.kinds().map(({ resource }) => resource))));
      this.#encoded.set(name, kept);
    }
    return kept;
  }

  #inputOf(resources: readonly Resource[]): OpenApiInput {
    return { resources, table: this.#table, subresources: (resource) => this.#subresourcesOf(resource) };
  }

  #forgetOld(): void {
    if (this.#generation === this.#router.generation) return;
    this.#generation = this.#router.generation;
    this.#encoded.clear();
    const served = new Map<string, Resource[]>();
    for (const { resource } of this.#router.kinds()) {
      const path = groupVersionPath(resource);
      served.set(path, [...(served.get(path) ?? []), resource]);
    }
    for (const path of this.#byPath.keys()) if (!served.has(path)) this.#byPath.delete(path);
    for (const [path, resources] of served) {
      if (!isSameList(this.#byPath.get(path)?.resources, resources)) this.#byPath.set(path, { resources });
    }
  }

  #subresourcesOf(resource: Resource): SubresourceInfo[] {
    const kind = this.#router.kindOf(resource);
    const subresources = kind === undefined ? [] : this.#router.subresourcesOf(kind);
    return subresources.map(({ name, kind: own, verbs }) => ({ name, kind: own, verbs: Object.keys(verbs) }));
  }
}

function isSameList(a: readonly Resource[] | undefined, b: readonly Resource[]): boolean {
  return a?.length === b.length && b.every((resource, i) => resource === a[i]);
}

function encoded(document: unknown): Encoded {
  const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"` };
}

/** JSON, or 406 for who takes only something else. */
function negotiated(context: RequestContext, document: () => Encoded): ApiResponse {
  if (!acceptsJson(context.request.headers['accept'])) throw errors.notAcceptable([JSON_TYPE]);
  return respond(context, document(), JSON_TYPE);
}

/** The document, or 304 for who has it. */
function respond(context: RequestContext, { bytes, etag }: Encoded, contentType: string): ApiResponse {
  const answer = { etag, vary: 'Accept' };
  if (context.request.headers['if-none-match'] === etag)
    return { status: 304, headers: answer, body: { type: 'none' } };
  return { status: 200, headers: answer, body: { type: 'bytes', bytes, contentType, compressible: true } };
}

/** The first media type that is asked for decides. */
function takesProtobuf(context: RequestContext): boolean {
  const first = (context.request.headers['accept'] ?? '').split(',')[0]!.split(';')[0]!.trim();
  return first === PROTOBUF_ASKED || first === PROTOBUF_TYPE;
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return true;
  return accept.split(',').some((clause) => /^\s*(application\/json|application\/\*|\*\/\*)\s*(;|$)/.test(clause));
}
