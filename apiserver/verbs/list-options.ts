/** The options of LIST, WATCH and deletecollection, read and checked once (metainternalversion `validation.go`). */
import type { FieldSelector } from '../../api/machinery/field-selector.ts';
import { fieldSelectorOf, parseFieldSelector } from '../../api/machinery/field-selector.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { CachedObject } from '../cacher/cached-object.ts';
import { parseResourceVersion } from '../cacher/codec.ts';
import type { ObjectFilter } from '../cacher/watcher.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { queryFlag } from '../request-context.ts';
import { pathName } from '../request-info.ts';

export interface ReadOptions {
  labelSelector: Selector;
  fieldSelector: FieldSelector;
  limit: number;
  continue: string;
  /** Undefined: not given. */
  revision: number | undefined;
  match: '' | 'Exact' | 'NotOlderThan';
  sendInitialEvents: boolean | undefined;
  allowWatchBookmarks: boolean;
  timeoutSeconds: number | undefined;
}

function invalidOptions(kind: ServedKind, text: string): errors.ApiError {
  const message = `ListOptions.meta.k8s.io "" is invalid: ${text}`;
  return new errors.ApiError({
    code: 422,
    reason: 'Invalid',
    message,
    details: { group: 'meta.k8s.io', kind: 'ListOptions' },
  });
}

function readNumber(context: RequestContext, name: string): number | undefined {
  const text = context.request.query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,18}$/.test(text))
    throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function readSelectors(
  context: RequestContext,
  kind: ServedKind,
): Pick<ReadOptions, 'labelSelector' | 'fieldSelector'> {
  const { query } = context.request;
  const fieldSelector = asBadRequest(() => parseFieldSelector(query.get('fieldSelector') ?? ''));
  for (const { field } of fieldSelector.requirements) {
    if (!kind.cache.isSelectable(field)) throw errors.badRequest(`field label not supported: ${field}`);
  }
  return {
    labelSelector: asBadRequest(() => parseLabelSelector(query.get('labelSelector') ?? '')),
    fieldSelector: named(fieldSelector, pathName(context.info)),
  };
}

/**
 * The old form `/watch/…/NAME` selects the object that the path names: who may watch that one sees no other
 * (`endpoints/handlers/get.go`).
 */
function named(selector: FieldSelector, name: string): FieldSelector {
  if (name === '') return selector;
  if (selector.requirements.length === 0)
    return fieldSelectorOf([{ field: 'metadata.name', operator: '=', value: name }]);
  const isDemanded = selector.requirements.some(
    ({ field, operator, value }) => field === 'metadata.name' && operator === '=' && value === name,
  );
  if (!isDemanded) throw errors.badRequest("fieldSelector metadata.name doesn't match requested name");
  return selector;
}

function asBadRequest<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw errors.badRequest((error as Error).message);
  }
}

function readRevision(context: RequestContext): number | undefined {
  const text = context.request.query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  const revision = parseResourceVersion(text);
  if (revision === undefined) {
    throw errors.badRequest(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return revision;
}

export function readOptionsOf(context: RequestContext, kind: ServedKind): ReadOptions {
  const { query } = context.request;
  const sendInitialEvents = query.get('sendInitialEvents');
  const options: ReadOptions = {
    ...readSelectors(context, kind),
    limit: Math.max(0, readNumber(context, 'limit') ?? 0),
    continue: query.get('continue') ?? '',
    revision: readRevision(context),
    match: (query.get('resourceVersionMatch') ?? '') as ReadOptions['match'],
    sendInitialEvents:
      sendInitialEvents === null ? undefined : sendInitialEvents === 'true' || sendInitialEvents === '1',
    allowWatchBookmarks: queryFlag(context, 'allowWatchBookmarks'),
    timeoutSeconds: readNumber(context, 'timeoutSeconds'),
  };
  checkMatch(kind, options);
  return options;
}

function checkMatch(kind: ServedKind, { match, revision, continue: token, sendInitialEvents }: ReadOptions): void {
  if (sendInitialEvents !== undefined) {
    if (match !== 'NotOlderThan') {
      throw invalidOptions(
        kind,
        'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      );
    }
    return;
  }
  if (match === '') return;
  if (token !== '')
    throw invalidOptions(
      kind,
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
    );
  if (revision === undefined) {
    throw invalidOptions(
      kind,
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    throw invalidOptions(
      kind,
      `resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`,
    );
  }
  if (match === 'Exact' && revision === 0) {
    throw invalidOptions(
      kind,
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
}

/** Undefined when every object is wanted, so that nothing needs to be decoded. */
export function filterOf(kind: ServedKind, { labelSelector, fieldSelector }: ReadOptions): ObjectFilter | undefined {
  if (labelSelector.requirements.length === 0 && fieldSelector.requirements.length === 0) return undefined;
  return (cached: CachedObject) => {
    const object = cached.object();
    return (
      labelSelector.matches(object.metadata.labels) &&
      fieldSelector.matches((field) => kind.cache.fieldOf(object, field))
    );
  };
}

/** Of the keys that a request can touch: those of a namespace, or all. */
export function keyPrefixOf(context: RequestContext, kind: ServedKind): string {
  return kind.cache.prefixOf(context.info.namespace);
}
