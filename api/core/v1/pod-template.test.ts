import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import { podTemplates } from './pod-template.ts';
import type { PodTemplate } from './pod-template.ts';

const { strategy } = podTemplates;
const CONTEXT = { user: { name: 'test', groups: [] }, nowMs: 0, dryRun: false };

function read(yaml: string): PodTemplate {
  const template = parse(yaml) as PodTemplate;
  strategy.default!(template);
  return template;
}

const WEB = `
metadata: { name: web }
template:
  metadata: { labels: { app: web } }
  spec:
    containers: [{ name: a, image: a:1 }, { name: b, image: b:1 }]
    imagePullSecrets: [{ name: s }, { name: s }]
`;

describe('podTemplates', () => {
  it('default and validate the template', () => {
    const right = read(WEB);
    expect(right.template.spec.restartPolicy).toBe('Always');
    expect(strategy.validate!(right)).toEqual([]);
    expect(strategy.validate!(read('metadata: { name: web }')).map(formatFieldError)).toEqual([
      'template.spec.containers: Required value',
    ]);
  });

  it('warn about the template', () => {
    expect(strategy.warnings!(read(WEB), undefined)).toEqual([
      'template.spec.imagePullSecrets[1].name: duplicate name "s"',
    ]);
  });

  it('count changes of the template', () => {
    const previous = read(WEB);
    strategy.prepareForCreate!(previous, CONTEXT);
    const same = structuredClone(previous);
    strategy.prepareForUpdate!(same, previous, CONTEXT);
    expect(same.metadata.generation).toBe(1);
    const next = structuredClone(previous);
    next.template.spec.hostname = 'x';
    strategy.prepareForUpdate!(next, previous, CONTEXT);
    expect(next.metadata.generation).toBe(2);
  });

  it('show containers, images and labels', () => {
    const row = podTemplates.additionalPrinterColumns.map(({ cell }) => cell(read(WEB), 0));
    expect(row).toEqual(['a,b', 'a:1,b:1', 'app=web', '<unknown>']);
  });
});
