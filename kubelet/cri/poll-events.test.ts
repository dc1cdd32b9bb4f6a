import { describe, expect, it } from '@jest/globals';
import type { SeenContainer } from './poll-events.ts';
import { compare } from './poll-events.ts';

const seen = (...containers: [id: string, state: SeenContainer['state']][]): Map<string, SeenContainer> =>
  new Map(containers.map(([id, state]) => [id, { id, podSandboxId: 's', podUid: 'u', state }]));

const types = (before: Map<string, SeenContainer>, after: Map<string, SeenContainer>): string[] =>
  compare(before, after).map(({ type, containerId }) => `${containerId} ${type}`);

describe('compare()', () => {
  it.each<[string, [string, SeenContainer['state']][], [string, SeenContainer['state']][], string[]]>([
    ['nothing that stays', [['a', 'running']], [['a', 'running']], []],
    ['what is new', [], [['a', 'created']], ['a created']],
    ['what was started', [['a', 'created']], [['a', 'running']], ['a started']],
    ['what has ended', [['a', 'running']], [['a', 'ended']], ['a stopped']],
    ['all that a short life has had', [], [['a', 'ended']], ['a created', 'a started', 'a stopped']],
    ['what ended before it was seen to run', [['a', 'created']], [['a', 'ended']], ['a started', 'a stopped']],
    ['what is gone', [['a', 'ended']], [], ['a deleted']],
  ])('tells %s', (_title, before, after, expected) => {
    expect(types(seen(...before), seen(...after))).toEqual(expected);
  });
});
