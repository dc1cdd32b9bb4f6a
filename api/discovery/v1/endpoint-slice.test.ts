import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { endpointSlices } from './endpoint-slice.ts';
import type { EndpointSlice } from './endpoint-slice.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = endpointSlices;

function decoded(content: string): EndpointSlice {
  const slice = { metadata: { name: 'web-1', namespace: 'd' }, ...parse(content) } as EndpointSlice;
  strategy.default!(slice);
  return slice;
}

const errorsOf = (content: string): string[] => strategy.validate!(decoded(content)).map(formatFieldError);
const usual = '{addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{port: 80}]}';

describe('endpointSlices', () => {
  it('default port names and protocols', () => {
    expect(decoded(usual).ports).toEqual([{ port: 80, name: '', protocol: 'TCP' }]);
    expect(errorsOf(usual)).toEqual([]);
  });

  it.each([
    [
      '{addressType: X, endpoints: []}',
      'addressType: Unsupported value: "X": supported values: "FQDN", "IPv4", "IPv6"',
    ],
    [
      '{addressType: IPv4, endpoints: [{addresses: []}]}',
      'endpoints[0].addresses: Required value: must contain at least 1 address',
    ],
    [
      '{addressType: IPv4, endpoints: [{addresses: ["fd00::1"]}]}',
      'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address',
    ],
    [
      '{addressType: FQDN, endpoints: [{addresses: [web]}]}',
      'endpoints[0].addresses[0]: Invalid value: "web": should be a domain with at least two segments separated by dots',
    ],
    [
      '{addressType: IPv4, endpoints: [{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: a}]}}]}',
      'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
    ],
    ['{addressType: IPv4, endpoints: [], ports: [{port: 1}, {port: 2}]}', 'ports[1].name: Duplicate value: ""'],
    [
      '{addressType: IPv4, endpoints: [], ports: [{port: 70000}]}',
      'ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
  ])('%s is refused', (content, message) => {
    expect(errorsOf(content)).toContain(message);
  });

  it('bound their size', () => {
    const slice = decoded(usual);
    slice.endpoints = Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] }));
    expect(strategy.validate!(slice).map(formatFieldError)).toEqual([
      'endpoints: Too many: 1001: must have at most 1000 items',
    ]);
  });

  it('keep their address type', () => {
    const next = decoded('{addressType: FQDN, endpoints: []}');
    expect(strategy.validateUpdate!(next, decoded(usual)).map(formatFieldError)).toEqual([
      'addressType: Invalid value: "FQDN": field is immutable',
    ]);
  });

  it('raise the generation with content and labels, not with annotations', () => {
    const previous = decoded(usual);
    previous.metadata.generation = 1;
    const generationAfter = (change: (slice: EndpointSlice) => void): number | undefined => {
      const next = structuredClone(previous);
      change(next);
      strategy.prepareForUpdate!(next, previous, context);
      return next.metadata.generation;
    };
    expect(generationAfter((slice) => (slice.metadata.annotations = { a: 'b' }))).toBe(1);
    expect(generationAfter((slice) => (slice.metadata.labels = { a: 'b' }))).toBe(2);
    expect(generationAfter((slice) => (slice.endpoints = []))).toBe(2);
  });

  it('show ports and addresses', () => {
    const row = (slice: EndpointSlice): unknown[] =>
      endpointSlices.additionalPrinterColumns.map(({ cell }) => cell(slice, 0));
    expect(row(decoded(usual))).toEqual(['IPv4', '80', '10.0.0.1', '<unknown>']);
    expect(row(decoded('{addressType: IPv4, endpoints: []}')).slice(1, 3)).toEqual(['<unset>', '<unset>']);
  });
});
