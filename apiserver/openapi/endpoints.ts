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
import { openApiV2Document } from './v2.ts';
import { encodeOpenApiV2 } from './v2-protobuf.ts';
import type { DocumentV2 } from './v2-protobuf.ts';
import { groupVersionsOf, openApiV3Document, openApiV3Index } from './v3.ts';
import type { OpenApiInput } from './v3.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for; `@` may not stand in a media type that is sent. */
const PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

export function addOpenApi(
  router: Router,
  { table, descriptions }: { table: SchemaTable; descriptions: () => Descriptions },
): void {
  const documents = new Documents(router, { table, descriptions });
  router.addPath('/openapi/v2', (context) =>
    takesProtobuf(context)
      ? respond(context, documents.v2Protobuf(), PROTOBUF_TYPE)
      : negotiated(context, () => documents.v2()),
  );
  router.addPath('/openapi/v3', (context) => negotiated(context, () => documents.index()));
  router.addPath('/openapi/v3/', documents.v3);
}

interface Encoded {
  bytes: Buffer;
  etag: string;
}

/** Encoded documents, kept until the served kinds are others. */
class Documents {
  readonly #router: Router;
  readonly #table: SchemaTable;
  readonly #descriptions: () => Descriptions;
  readonly #encoded = new Map<string, Encoded>();
  #resources: readonly Resource[] = [];

  constructor(router: Router, { table, descriptions }: { table: SchemaTable; descriptions: () => Descriptions }) {
    this.#router = router;
    this.#table = table;
    this.#descriptions = descriptions;
  }

  index(): Encoded {
    return this.#keep('v3', (input) => openApiV3Index(input));
  }

  v2(): Encoded {
    return this.#keep('v2', (input) => this.#documentV2(input));
  }

  v2Protobuf(): Encoded {
    return this.#keep('v2-protobuf', (input) => encodeOpenApiV2(this.#documentV2(input) as unknown as DocumentV2));
  }

  #documentV2(input: OpenApiInput): Record<string, unknown> {
    return openApiV2Document({ ...input, descriptions: this.#descriptions(), serverVersion: GIT_VERSION });
  }

  /** `/openapi/v3/apis/apps/v1`; for good when the URL has the hash of the content, as those of the index have. */
  readonly v3: Endpoint = (context) => {
    const path = context.info.path.slice('/openapi/v3'.length);
    const resources = this.#router.kinds().map(({ resource }) => resource);
    const groupVersion = groupVersionsOf(resources).find((served) => groupVersionPath(served) === path);
    if (groupVersion === undefined) throw errors.pathNotFound();
    const response = negotiated(context, () =>
      this.#keep(`v3${path}`, (input) =>
        openApiV3Document({ ...input, ...groupVersion, descriptions: this.#descriptions() }),
      ),
    );
    if (context.request.query.has('hash')) response.headers['cache-control'] = 'public, immutable';
    return response;
  };

  /** What `build` gives is sent as JSON, unless it is encoded already. */
  #keep(name: string, build: (input: OpenApiInput) => unknown): Encoded {
    const resources = this.#router.kinds().map(({ resource }) => resource);
    const isSame =
      resources.length === this.#resources.length && resources.every((kind, i) => kind === this.#resources[i]);
    if (!isSame) this.#encoded.clear();
    this.#resources = resources;
    let encoded = this.#encoded.get(name);
    if (encoded === undefined) {
      const subresources = (resource: Resource): SubresourceInfo[] => this.#subresourcesOf(resource);
      const document = build({ resources, table: this.#table, subresources });
      const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
      encoded = { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"` };
      this.#encoded.set(name, encoded);
    }
    return encoded;
  }

  #subresourcesOf(resource: Resource): SubresourceInfo[] {
    const kind = this.#router.kinds().find((served) => served.resource === resource);
    const subresources = kind === undefined ? [] : this.#router.subresourcesOf(kind);
    return subresources.map(({ name, kind: own, verbs }) => ({ name, kind: own, verbs: Object.keys(verbs) }));
  }
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
  return { status: 200, headers: answer, body: { type: 'bytes', bytes, contentType } };
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
