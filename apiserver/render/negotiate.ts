/**
 * What form an answer takes, from the `Accept` header: how it is encoded, and whether it is the object itself, a Table,
 * or its metadata alone (apiserver `endpoints/handlers/negotiation`, goautoneg's `ParseAccept`).
 */
import * as errors from '../../api/machinery/errors.ts';

export interface MediaType {
  format: 'json' | 'yaml' | 'protobuf';
  as: 'object' | 'table' | 'metadata' | 'metadata-list';
  /** Of `meta.k8s.io`, for everything but the object itself. */
  metaVersion: 'v1' | 'v1beta1';
  /** Asked for by a parameter of the media type. */
  pretty: boolean;
}

/** What an endpoint has beside the object in JSON and YAML. */
export interface Offer {
  protobuf: boolean;
  tables: boolean;
  metadata: boolean;
}

export const PLAIN_JSON: MediaType = { format: 'json', as: 'object', metaVersion: 'v1', pretty: false };

/** In upstream's order: the first that a wildcard fits is taken. */
const FORMATS: readonly { type: string; subtype: string; format: MediaType['format'] }[] = [
  { type: 'application', subtype: 'json', format: 'json' },
  { type: 'application', subtype: 'yaml', format: 'yaml' },
  { type: 'application', subtype: 'vnd.kubernetes.protobuf', format: 'protobuf' },
];

export const ACCEPTED_TYPES = FORMATS.map(({ type, subtype }) => `${type}/${subtype}`);
/** YAML has no form that goes on. */
const ACCEPTED_STREAMS = ACCEPTED_TYPES.filter((type) => !type.endsWith('/yaml')).map((type) => `${type};stream=watch`);

const SHAPES: Readonly<Record<string, MediaType['as']>> = {
  Table: 'table',
  PartialObjectMetadata: 'metadata',
  PartialObjectMetadataList: 'metadata-list',
};

/** Undefined when nothing in the header can be served. */
export function negotiate(accept: string | undefined, offer: Offer): MediaType | undefined {
  if (accept === undefined || accept === '' || accept === 'application/json') return PLAIN_JSON;
  for (const clause of parseAccept(accept)) {
    for (const { type, subtype, format } of FORMATS) {
      const fits =
        (clause.type === type && (clause.subtype === subtype || clause.subtype === '*')) ||
        (clause.type === '*' && clause.subtype === '*');
      const media = fits ? mediaTypeOf(clause.parameters, format, offer) : undefined;
      if (media !== undefined) return media;
    }
  }
  return undefined;
}

export function notAcceptable(): errors.ApiError {
  return errors.notAcceptable(ACCEPTED_TYPES);
}

/** For watches, which YAML cannot serve. */
export function streamNotAcceptable(): errors.ApiError {
  return errors.notAcceptable(ACCEPTED_STREAMS);
}

/** Undefined when the parameters ask for what this format, or the endpoint, does not have. */
function mediaTypeOf(
  parameters: ReadonlyMap<string, string>,
  format: MediaType['format'],
  offer: Offer,
): MediaType | undefined {
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && (format === 'yaml' || stream !== 'watch')) return undefined;
  const serverVersion = parameters.get('sv') ?? '';
  if (serverVersion !== '' && serverVersion !== 'v1') return undefined;
  const form = formOf(parameters);
  if (form === undefined || !isOffered(form.as, format, offer)) return undefined;
  return { format, ...form, pretty: parameters.get('pretty') === '1' };
}

function formOf(parameters: ReadonlyMap<string, string>): Pick<MediaType, 'as' | 'metaVersion'> | undefined {
  if (!parameters.has('as') && !parameters.has('g') && !parameters.has('v')) return { as: 'object', metaVersion: 'v1' };
  const as = SHAPES[parameters.get('as') ?? ''];
  const metaVersion = parameters.get('v');
  const isMeta = parameters.get('g') === 'meta.k8s.io' && (metaVersion === 'v1' || metaVersion === 'v1beta1');
  return as === undefined || !isMeta ? undefined : { as, metaVersion };
}

function isOffered(as: MediaType['as'], format: MediaType['format'], offer: Offer): boolean {
  if (as === 'object') return format !== 'protobuf' || offer.protobuf;
  return as === 'table' ? offer.tables && format !== 'protobuf' : offer.metadata;
}

interface Clause {
  type: string;
  subtype: string;
  parameters: ReadonlyMap<string, string>;
  quality: number;
}

/** Clients send few different headers, each many times. */
const parsed = new Map<string, readonly Clause[]>();
const MAX_PARSED = 256;
const MAX_KEPT_LENGTH = 1024;
/** No client sends as many; what follows is not looked at, since sorting them takes time by their square. */
const MAX_CLAUSES = 100;

function parseAccept(header: string): readonly Clause[] {
  const known = parsed.get(header);
  if (known !== undefined) return known;
  const clauses = header.split(',', MAX_CLAUSES).flatMap(parseClause);
  sortClauses(clauses);
  if (header.length <= MAX_KEPT_LENGTH) {
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(header, clauses);
  }
  return clauses;
}

/** None for text that is no media range. */
function parseClause(text: string): Clause[] {
  const [range = '', ...rest] = text.trim().split(';');
  const [type = '', subtype = type === '*' ? '*' : '', ...more] = range.split('/').map((part) => part.trim());
  if (subtype === '' || more.length > 0) return [];
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const part of rest) {
    const [name = '', value = '', ...others] = part.split('=').map((side) => side.trim());
    if (value === '' || others.length > 0) continue;
    if (name === 'q') quality = Number(value) || 0;
    else parameters.set(name, value);
  }
  return [{ type, subtype, parameters, quality }];
}

/**
 * By quality, with wildcards behind what is named, whatever their quality: goautoneg's comparison is no order, so the
 * outcome is that of its insertion sort. A quality of 0 is the last choice, and no refusal.
 */
function sortClauses(clauses: Clause[]): void {
  for (let end = 1; end < clauses.length; end++) {
    for (let at = end; at > 0 && goesBefore(clauses[at]!, clauses[at - 1]!); at--) {
      [clauses[at], clauses[at - 1]] = [clauses[at - 1]!, clauses[at]!];
    }
  }
}

function goesBefore(a: Clause, b: Clause): boolean {
  if (a.quality > b.quality) return true;
  if (a.type !== '*' && b.type === '*') return true;
  return a.subtype !== '*' && b.subtype === '*';
}
