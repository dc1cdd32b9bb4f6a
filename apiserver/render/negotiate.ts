/**
 * What form an answer takes, from the `Accept` header: the object itself, a Table, or its metadata alone
 * (apiserver `endpoints/handlers/negotiation`).
 */
import * as errors from '../../api/machinery/errors.ts';

export interface MediaType {
  format: 'json' | 'yaml';
  as: 'object' | 'table' | 'metadata';
  /** `v1` of `meta.k8s.io`. */
  pretty: boolean;
}

const FORMATS: Record<string, MediaType['format']> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  '*/*': 'json',
  'application/*': 'json',
};

const SHAPES: Record<string, MediaType['as']> = {
  '': 'object',
  Table: 'table',
  PartialObjectMetadata: 'metadata',
  PartialObjectMetadataList: 'metadata',
};

const ACCEPTED = ['application/json', 'application/yaml'];

export const PLAIN_JSON: MediaType = { format: 'json', as: 'object', pretty: false };

/** Throws 406 when nothing in the header can be served. */
export function negotiate(accept: string | undefined, pretty = false): MediaType {
  if (accept === undefined || accept === '') return pretty ? { ...PLAIN_JSON, pretty } : PLAIN_JSON;
  if (accept === 'application/json' && !pretty) return PLAIN_JSON;
  for (const clause of byQuality(accept)) {
    const format = FORMATS[clause.type];
    const as = SHAPES[clause.parameters.get('as') ?? ''];
    if (format === undefined || as === undefined) continue;
    if (as !== 'object' && (clause.parameters.get('g') !== 'meta.k8s.io' || clause.parameters.get('v') !== 'v1'))
      continue;
    return { format, as, pretty };
  }
  throw errors.notAcceptable(ACCEPTED);
}

interface Clause {
  type: string;
  parameters: Map<string, string>;
  quality: number;
}

function byQuality(accept: string): Clause[] {
  const clauses = accept.split(',').map((text) => {
    const [type = '', ...rest] = text.trim().split(';');
    const parameters = new Map<string, string>();
    for (const part of rest) {
      const [name = '', value = ''] = part.trim().split('=');
      parameters.set(name, value);
    }
    const quality = Number(parameters.get('q') ?? '1');
    return { type: type.trim().toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0 };
  });
  return clauses.sort((a, b) => b.quality - a.quality);
}
