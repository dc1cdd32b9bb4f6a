import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { blueGreen, check, RolloutModel } from './testing.ts';
import type { BlueGreenStrategy, RolloutSpec } from './types.ts';
import { ABORT, PROMOTE, RETRY } from './types.ts';

/** Version v1 serves, and v2 has just been asked for. */
function updating(changes: Partial<BlueGreenStrategy> = {}, spec: Partial<RolloutSpec> = {}): RolloutModel {
  return new RolloutModel(blueGreen(changes), spec).roll('v1').settle().roll('v2');
}

describe('blue-green, at first', () => {
  it('serves once every pod is available, without pause or check', () => {
    const model = new RolloutModel(blueGreen({ autoPromotionEnabled: false, prePromotionChecks: [check('a')] }));
    model.roll('v1').turn();
    expect(model.sizes).toBe('v1=3');
    expect(model.served).toEqual({ preview: ['v1'] });
    model.settle();
    expect(model.served).toEqual({ preview: ['v1'], active: ['v1'] });
    expect(model.status).toMatchObject({ phase: 'Healthy', stage: 'Complete', stableRS: 'v1', revision: 1 });
  });

  // Simulation, seed 149: the Service named no version yet, and led to the pods of two.
  it('brings up no second version before the Service names one', () => {
    const model = new RolloutModel(blueGreen()).roll('v1');
    model.turn();
    model.roll('v2').turn();
    expect(model.sizes).toBe('v1=0 v2=0');
    expect(model.settle().sizes).toBe('v1=0 v2=3');
    expect(model.served['active']).toEqual(['v2']);
  });

  it('lets what is available of the first version serve until the second takes over', () => {
    const model = new RolloutModel(blueGreen()).roll('v1');
    model.turn();
    model.startPods(1);
    model.roll('v2').turn();
    expect([model.sizes, model.selectors.get('active')]).toEqual(['v1=3 v2=0', 'v1']);
    model.settle();
    expect(model.served['active']).toEqual(['v1', 'v2']);
    expect(model.pass(30).sizes).toBe('v1=0 v2=3');
  });

  it('is degraded after the deadline, has nothing to go back to, and recovers', () => {
    const model = new RolloutModel(blueGreen(), { progressDeadlineSeconds: 10 }).roll('v1');
    model.broken.add('v1');
    model.settle().pass(11);
    expect(model.status).toMatchObject({ phase: 'Degraded', failure: { reason: 'ProgressDeadlineExceeded' } });
    expect(model.status.abort).toBeUndefined();
    model.broken.clear();
    expect(model.settle().status.phase).toBe('Healthy');
  });
});

describe('blue-green, with a new template', () => {
  it('switches once the new version is available, and keeps the former one for the scale-down delay', () => {
    const model = updating({ scaleDownDelaySeconds: 5 });
    model.turn();
    expect(model.selectors.get('preview')).toBe('v2');
    expect(model.selectors.get('active')).toBe('v1');
    model.settle();
    expect(model.served['active']).toEqual(['v1', 'v2']);
    expect(model.sizes).toBe('v1=3 v2=3');
    expect(model.status).toMatchObject({ phase: 'Healthy', stableRS: 'v2' });
    expect(model.pass(4).sizes).toBe('v1=3 v2=3');
    expect(model.pass(1).sizes).toBe('v1=0 v2=3');
  });

  it('waits for promotion, then goes on', () => {
    const model = updating({ autoPromotionEnabled: false }).settle().pass(300);
    expect(model.status).toMatchObject({ phase: 'Paused', pauseConditions: [{ reason: 'BlueGreenPause' }] });
    expect(model.selectors.get('active')).toBe('v1');
    model.annotate(PROMOTE, '1').settle();
    expect(model.selectors.get('active')).toBe('v1');
    model.annotate(PROMOTE, '2').settle();
    expect(model.selectors.get('active')).toBe('v2');
    expect(model.events).toEqual(expect.arrayContaining(['RolloutPaused', 'RolloutResumed', 'SwitchService']));
  });

  it('is promoted by itself after autoPromotionSeconds, whatever autoPromotionEnabled says', () => {
    for (const autoPromotionEnabled of [true, false]) {
      const model = updating({ autoPromotionEnabled, autoPromotionSeconds: 7 }).settle().pass(6);
      expect(model.selectors.get('active')).toBe('v1');
      expect(model.pass(1).selectors.get('active')).toBe('v2');
    }
  });

  it('runs previewReplicaCount pods until it is promoted, and all before it serves', () => {
    const model = updating({ autoPromotionEnabled: false, previewReplicaCount: 1 }).settle();
    expect(model.sizes).toBe('v1=3 v2=1');
    model.annotate(PROMOTE, '2').turn();
    expect(model.sizes).toBe('v1=3 v2=3');
    expect(model.selectors.get('active')).toBe('v1');
    model.turn();
    expect(model.selectors.get('active')).toBe('v1');
    expect(model.settle().selectors.get('active')).toBe('v2');
  });

  it('is scaled in both versions, but not the preview', () => {
    const model = updating({ autoPromotionEnabled: false, previewReplicaCount: 1 }).settle();
    model.rollout.spec.replicas = 5;
    expect(model.settle().sizes).toBe('v1=5 v2=1');
  });

  it('skips pause and checks when promoted in full', () => {
    const model = updating({ autoPromotionEnabled: false, prePromotionChecks: [check('never', { count: 100 })] });
    model.settle().pass(3).annotate(PROMOTE, '2/full').settle();
    expect(model.selectors.get('active')).toBe('v2');
    expect(model.status.phase).toBe('Healthy');
  });

  it('takes a version that is still running back without a pause', () => {
    const model = updating({ autoPromotionEnabled: false }).settle().annotate(PROMOTE, '2').settle();
    model.roll('v1').settle();
    expect(model.selectors.get('active')).toBe('v1');
    expect(model.status).toMatchObject({ phase: 'Healthy', revision: 3 });
  });

  it('tries a version anew that was aborted, though it is still running', () => {
    const model = updating({ autoPromotionEnabled: false }).settle().annotate(ABORT, '2').settle();
    expect(model.size('v2')).toBe(3);
    model.roll('v3').turn();
    model.roll('v2').settle();
    expect(model.status).toMatchObject({ phase: 'Paused', revision: 4 });
    expect(model.selectors.get('active')).toBe('v1');
  });

  it('does nothing while paused, but scale', () => {
    const model = updating({}, { paused: true });
    model.turn();
    model.rollout.spec.replicas = 4;
    model.settle().pass(100);
    expect(model.sizes).toBe('v1=4 v2=4');
    expect(model.selectors.get('active')).toBe('v1');
    expect(model.status.phase).toBe('Paused');
    model.rollout.spec.paused = false;
    expect(model.settle().selectors.get('active')).toBe('v2');
  });
});

describe('blue-green, with a version that is bad', () => {
  it('rolls back when the progress deadline passes, and never serves it', () => {
    const model = updating({ abortScaleDownDelaySeconds: 5 }, { progressDeadlineSeconds: 10 });
    model.broken.add('v2');
    model.settle().pass(9);
    expect(model.status.phase).toBe('Progressing');
    model.pass(2);
    expect(model.status).toMatchObject({ phase: 'Degraded', abort: true, stage: 'Aborted', stableRS: 'v1' });
    expect(model.served['active']).toEqual(['v1']);
    expect(model.pass(5).sizes).toBe('v1=3 v2=0');
    expect(model.events).toEqual(expect.arrayContaining(['RolloutAborted', 'RolledBack']));
  });

  it('counts the deadline from the last progress', () => {
    const model = updating({}, { replicas: 4, progressDeadlineSeconds: 10 });
    for (let pods = 0; pods < 3; pods++) {
      for (let second = 0; second < 8; second++) {
        model.turn();
        model.nowMs += 1000;
      }
      model.startPods(1);
    }
    model.turn();
    expect(model.status.phase).toBe('Progressing');
  });

  it('does not count the time of a pause towards the deadline', () => {
    const model = updating({ autoPromotionEnabled: false, previewReplicaCount: 1 }, { progressDeadlineSeconds: 10 });
    model.settle().pass(100).annotate(PROMOTE, '2').turn();
    for (const [seconds, phase] of [
      [9, 'Progressing'],
      [2, 'Degraded'],
    ] as const) {
      model.nowMs += seconds * 1000;
      model.turn();
      expect(model.status.phase).toBe(phase);
    }
    expect(model.status).toMatchObject({ stage: 'Aborting', message: expect.stringContaining('no progress for 10 s') });
  });

  it('rolls back when a check before the promotion fails', () => {
    const model = updating({ prePromotionChecks: [check('bad', { failureLimit: 1 })] });
    model.answers.set('bad', false);
    model.settle();
    expect(model.status.checks).toMatchObject([{ name: 'bad', phase: 'Running', failures: 1 }]);
    model.pass(1);
    expect(model.status).toMatchObject({ phase: 'Degraded', failure: { reason: 'PrePromotionCheckFailed' } });
    expect(model.served['active']).toEqual(['v1']);
  });

  it('switches back at once when a check after the promotion fails', () => {
    const model = updating({ scaleDownDelaySeconds: 0, postPromotionChecks: [check('bad', { count: 3 })] }).settle();
    expect(model.selectors.get('active')).toBe('v2');
    expect(model.status.stableRS).toBe('v1');
    model.answers.set('bad', false);
    model.pass(1);
    expect(model.served['active']).toEqual(['v1', 'v2', 'v1']);
    expect(model.size('v1')).toBe(3);
    expect(model.status).toMatchObject({ phase: 'Degraded', stage: 'Aborted' });
  });

  it('leaves everything as it is where rollbackOnFailure is false, until somebody decides', () => {
    const model = updating({ postPromotionChecks: [check('bad')] }, { rollbackOnFailure: false });
    model.answers.set('bad', false);
    model.settle().pass(100);
    expect(model.selectors.get('active')).toBe('v2');
    expect(model.status.phase).toBe('Degraded');
    model.annotate(ABORT, '2').settle();
    expect(model.selectors.get('active')).toBe('v1');
  });

  it('stays aborted until it is tried again', () => {
    const model = updating({ autoPromotionEnabled: false }).settle().annotate(ABORT, '2').settle();
    expect(model.status).toMatchObject({ phase: 'Degraded', failure: { reason: 'RolloutAborted' } });
    model.annotate(ABORT, undefined).settle().pass(40);
    expect(model.sizes).toBe('v1=3 v2=0');
    model.annotate(RETRY, model.status.failure!.time).settle();
    expect(model.status.phase).toBe('Paused');
    expect(model.sizes).toBe('v1=3 v2=3');
  });

  it('waits for a Job, whose failure is that of the check', () => {
    const job = { template: { spec: { template: { spec: { containers: [] } } } } };
    const { http: _, ...common } = check('smoke');
    const model = updating({ prePromotionChecks: [{ ...common, timeoutSeconds: 60, job }] })
      .settle()
      .pass(10);
    expect(model.jobs).toHaveLength(1);
    expect(model.status.stage).toBe('PrePromotionChecks');
    model.jobs[0]!.status = { conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }] };
    expect(model.settle().status.failure?.message).toContain('BackoffLimitExceeded');
  });
});

describe('blue-green, with a template that changes on the way', () => {
  const phases: [string, (model: RolloutModel) => void, string][] = [
    ['before any pod is available', (model) => model.turn(), 'v1'],
    ['during checks', (model) => model.settle().pass(2), 'v1'],
    ['during the pause', (model) => model.settle().pass(10), 'v1'],
    ['after the switch', (model) => model.settle().pass(10).annotate(PROMOTE, '2').settle(), 'v2'],
  ];
  const slow = {
    autoPromotionEnabled: false,
    prePromotionChecks: [check('pre', { count: 5 })],
    postPromotionChecks: [check('post', { count: 5 })],
  };

  it.each(phases)('%s, rolls the newest out and serves nothing untried in between', (_, reach, serving) => {
    const model = updating(slow);
    reach(model);
    expect(model.selectors.get('active')).toBe(serving);
    model.roll('v3').settle();
    expect(model.selectors.get('active')).toBe(serving);
    expect(model.size(serving)).toBe(3);
    model.pass(10).annotate(PROMOTE, '3').settle().pass(60);
    expect(model.selectors.get('active')).toBe('v3');
    expect(model.sizes).toBe('v1=0 v2=0 v3=3');
    expect(model.status.phase).toBe('Healthy');
  });

  it.each(phases)('%s, goes back to the stable one at once when that is asked for', (_, reach) => {
    const model = updating(slow);
    reach(model);
    model.roll('v1').settle();
    expect(model.selectors.get('active')).toBe('v1');
    expect(model.status.phase).toBe('Healthy');
    expect(model.pass(40).sizes).toBe('v1=3 v2=0');
  });

  it.each(phases)('%s, aborts to the stable one', (_, reach) => {
    const model = updating(slow);
    reach(model);
    model.annotate(ABORT, '2').settle();
    expect(model.selectors.get('active')).toBe('v1');
    expect(model.pass(40).sizes).toBe('v1=3 v2=0');
  });
});

describe('blue-green, whatever happens', () => {
  it('never leads the active Service to a version without available pods', () => {
    const step = fc.oneof(
      fc.constantFrom('v1', 'v2', 'v3').map((version) => (model: RolloutModel) => void model.roll(version)),
      fc.constantFrom('1', '2', '3/full', '4').map((to) => (model: RolloutModel) => void model.annotate(PROMOTE, to)),
      fc.constantFrom('2', '3', undefined).map((to) => (model: RolloutModel) => void model.annotate(ABORT, to)),
      fc
        .constantFrom(1, 5, 40)
        .map((seconds) => (model: RolloutModel) => void model.pass(seconds, () => serves(model))),
      fc.integer({ min: 1, max: 5 }).map((n) => (model: RolloutModel) => void (model.rollout.spec.replicas = n)),
      fc.constantFrom(true, false).map((ok) => (model: RolloutModel) => void model.answers.set('post', ok)),
      fc.constant((model: RolloutModel) => model.turn()),
      fc.constant((model: RolloutModel) => model.startPods(1)),
    );
    const serves = (model: RolloutModel): void => {
      expect(model.availableOf(model.selectors.get('active'))).toBeGreaterThan(0);
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, autoPromotionEnabled) => {
        const post = [check('post', { count: 2 })];
        const model = new RolloutModel(blueGreen({ autoPromotionEnabled, postPromotionChecks: post }))
          .roll('v1')
          .settle();
        for (const one of steps) {
          one(model);
          serves(model);
        }
        model.settle(() => serves(model));
      }),
      { numRuns: 300 },
    );
  });
});
