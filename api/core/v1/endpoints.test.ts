import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { endpoints } from './endpoints.ts';
import type { Endpoints } from './endpoints.ts';

function decoded(subsets: Endpoints['subsets']): Endpoints {
  const object: Endpoints = {
    metadata: { name: 'web', namespace: 'd' },
    ...(subsets === undefined ? {} : { subsets }),
  };
  endpoints.strategy.default!(object);
  return object;
}

const errorsOf = (subsets: Endpoints['subsets']): string[] =>
  endpoints.strategy.validate!(decoded(subsets)).map(formatFieldError);
const cell = (subsets: Endpoints['subsets']): unknown =>
  endpoints.additionalPrinterColumns[0]!.cell(decoded(subsets), 0);

describe('endpoints', () => {
  it('default the protocol', () => {
    expect(decoded([{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }]).subsets![0]!.ports).toEqual([
      { port: 80, protocol: 'TCP' },
    ]);
  });

  it('check addresses and ports', () => {
    expect(
      errorsOf([
        { addresses: [{ ip: '10.0.0.1' }] },
        { notReadyAddresses: [{ ip: 'fd00::1' }], ports: [{ port: 80 }] },
      ]),
    ).toEqual([]);
    expect(errorsOf([{ ports: [{ port: 0 }, { name: 'b', port: 1, protocol: 'X' }] }])).toEqual([
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ]);
    expect(errorsOf([{ addresses: [{ ip: '127.0.0.1', hostname: 'A_', nodeName: '-' }] }])).toHaveLength(3);
  });

  it('show three addresses at most', () => {
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((ip) => ({ ip }));
    expect(cell(undefined)).toBe('<none>');
    expect(cell([{ addresses }])).toBe('10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...');
    expect(cell([{ addresses: [{ ip: 'fd00::1' }], ports: [{ port: 80 }] }])).toBe('[fd00::1]:80');
  });
});
