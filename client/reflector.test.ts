import { describe, expect, it } from '@jest/globals';
import { ApiError, expired, serviceUnavailable, tooLargeResourceVersion } from '../api/machinery/errors.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { actionOf, initialState, INITIAL_EVENTS_END, step } from './reflector.ts';
import type { ReflectorInput, ReflectorState, ReflectorStep } from './reflector.ts';

const object = (name: string, resourceVersion: string): ApiObject => ({
  metadata: { namespace: 'ns', name, resourceVersion },
});
const event = (type: WatchEvent['type'], name: string, version: string): WatchEvent => ({
  type,
  object: object(name, version),
});
const events = (...list: WatchEvent[]): ReflectorInput => ({ type: 'events', events: list });
const bookmark = (resourceVersion: string): WatchEvent => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion } },
});
const listEnd = (resourceVersion: string): WatchEvent => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion, annotations: { [INITIAL_EVENTS_END]: 'true' } } },
});
const failed = (error: unknown): ReflectorInput => ({ type: 'failed', error });
const page = (items: ApiObject[], metadata: { resourceVersion: string; continue?: string }): ReflectorInput => ({
  type: 'page',
  page: { apiVersion: 'v1', kind: 'List', metadata, items },
});
const invalid = new ApiError({ code: 422, reason: 'Invalid', message: 'sendInitialEvents: Forbidden' });

function run(inputs: ReflectorInput[], from: ReflectorState = initialState()): ReflectorStep {
  let result: ReflectorStep = { state: from };
  for (const input of inputs) result = step(result.state, input);
  return result;
}

const watchingAt = (version: string): ReflectorState => run([events(listEnd(version))]).state;

describe('step() while the list is streamed', () => {
  it('begins with a streamed list of the newest state', () => {
    expect(actionOf(initialState())).toEqual({ type: 'stream-list', resourceVersion: '' });
  });

  it('changes nothing before the bookmark that ends the list, then replaces everything', () => {
    const before = run([events(event('ADDED', 'a', '5')), events(event('ADDED', 'b', '3'))]);
    expect(before.change).toBeUndefined();
    expect(actionOf(before.state)).toEqual({ type: 'read' });
    const after = step(before.state, events(listEnd('9')));
    expect(after.change).toEqual({
      type: 'replace',
      objects: [object('a', '5'), object('b', '3')],
      resourceVersion: '9',
    });
    expect(after.state).toMatchObject({ phase: 'watching', open: true, resourceVersion: '9' });
  });

  it('takes in changes that arrive before and behind that bookmark', () => {
    const { change, state } = run([
      events(event('ADDED', 'a', '1'), event('ADDED', 'b', '2')),
      events(event('MODIFIED', 'a', '7'), listEnd('7'), event('DELETED', 'b', '8'), event('ADDED', 'c', '9')),
    ]);
    expect(change).toEqual({ type: 'replace', objects: [object('a', '7'), object('c', '9')], resourceVersion: '9' });
    expect(state.resourceVersion).toBe('9');
  });

  it('starts over when the stream breaks in the middle, keeping nothing of it', () => {
    const { state } = run([events(event('ADDED', 'a', '5')), failed(serviceUnavailable('away'))]);
    expect(state).toMatchObject({ phase: 'streaming-list', wait: true, open: false, received: undefined });
  });

  it('falls back to pages when the server cannot stream lists, and stays with them', () => {
    const { state } = run([failed(invalid)]);
    expect(actionOf(state)).toEqual({ type: 'list-page', resourceVersion: '', continueToken: '' });
    const watching = run([page([], { resourceVersion: '4' })], state).state;
    expect(step(watching, failed(expired('too old'))).state.phase).toBe('paging-list');
  });
});

describe('step() while pages are listed', () => {
  const paging = run([failed(invalid)]).state;

  it('puts the pages together and watches from the list', () => {
    const first = step(paging, page([object('a', '1')], { resourceVersion: '4', continue: 'token' }));
    expect(first.change).toBeUndefined();
    expect(actionOf(first.state)).toMatchObject({ type: 'list-page', continueToken: 'token' });
    const last = step(first.state, page([object('b', '2')], { resourceVersion: '4' }));
    expect(last.change).toEqual({
      type: 'replace',
      objects: [object('a', '1'), object('b', '2')],
      resourceVersion: '4',
    });
    expect(actionOf(last.state)).toEqual({ type: 'watch', resourceVersion: '4' });
  });

  it('starts the list again when the continue token expires', () => {
    const { state } = run(
      [page([object('a', '1')], { resourceVersion: '4', continue: 'token' }), failed(expired('old'))],
      paging,
    );
    expect(state).toMatchObject({ phase: 'paging-list', continueToken: '', received: undefined, wait: true });
  });
});

describe('step() while watching', () => {
  it('applies events and moves on with them and with bookmarks', () => {
    const moved = run([events(event('MODIFIED', 'a', '12'), bookmark('15'))], watchingAt('9'));
    expect(moved.change).toEqual({ type: 'apply', events: [event('MODIFIED', 'a', '12')], resourceVersion: '15' });
    expect(moved.state.resourceVersion).toBe('15');
  });

  it('compares versions as numbers', () => {
    expect(
      run([events(event('ADDED', 'a', '10')), events(event('ADDED', 'b', '9'))], watchingAt('9')).state.resourceVersion,
    ).toBe('10');
  });

  it('reopens a watch that ended at the version it had reached, at once if it was of use', () => {
    const ended = run([events(event('ADDED', 'a', '10')), { type: 'ended' }], watchingAt('9')).state;
    expect(ended.wait).toBe(false);
    expect(actionOf(ended)).toEqual({ type: 'watch', resourceVersion: '10' });
    expect(step(ended, { type: 'ended' }).state.wait).toBe(true);
  });

  it('resumes after a failure, having waited', () => {
    const { state } = run([failed(serviceUnavailable('away'))], watchingAt('9'));
    expect(state.wait).toBe(true);
    expect(actionOf(state)).toEqual({ type: 'watch', resourceVersion: '9' });
  });

  it('lists again, not older than what it has, when the version has expired', () => {
    const { state } = run([failed(expired('too old resource version: 9 (20)'))], watchingAt('9'));
    expect(actionOf(state)).toEqual({ type: 'stream-list', resourceVersion: '9' });
    expect(step(state, failed(expired('again'))).state).toMatchObject({ resourceVersion: '', wait: true });
  });

  it('lists the newest when the server is behind: it was restored from a backup', () => {
    const { state } = run([failed(tooLargeResourceVersion('9', '4'))], watchingAt('9'));
    expect(actionOf(state)).toEqual({ type: 'stream-list', resourceVersion: '' });
  });
});
