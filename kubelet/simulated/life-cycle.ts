/** How long a simulated container runs and how it ends, as annotations of its pod declare it. */

/** Seconds until a container ends by itself; `<annotation>.<container>` is for one container only. */
export const RUN_SECONDS_ANNOTATION = 'nocher.io/simulated-run-seconds';
/** Its exit code then; 0 unless said. */
export const EXIT_CODE_ANNOTATION = 'nocher.io/simulated-exit-code';
/** Seconds that a container takes to end after the stop signal; 0 unless said. */
export const STOP_SECONDS_ANNOTATION = 'nocher.io/simulated-stop-seconds';
/** Set by the kubelet on containers: `init`, `sidecar`, `app` or `ephemeral`. */
export const ROLE_ANNOTATION = 'nocher.io/container-role';

export interface LifeCycle {
  /** Undefined: until it is stopped. */
  runMs: number | undefined;
  exitCode: number;
  stopMs: number;
}

/** Values that are not numbers count as absent. An init container ends at once unless it says otherwise. */
export function lifeCycleOf(
  container: { name: string; annotations: Readonly<Record<string, string>> },
  podAnnotations: Readonly<Record<string, string>>,
): LifeCycle {
  const read = (annotation: string): number | undefined => {
    const text = podAnnotations[`${annotation}.${container.name}`] ?? podAnnotations[annotation];
    const value = text === undefined || text.trim() === '' ? NaN : Number(text);
    return Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const isInit = container.annotations[ROLE_ANNOTATION] === 'init';
  const ownRunText = podAnnotations[`${RUN_SECONDS_ANNOTATION}.${container.name}`];
  const runSeconds = isInit && ownRunText === undefined ? 0 : read(RUN_SECONDS_ANNOTATION);
  const ownExitText = podAnnotations[`${EXIT_CODE_ANNOTATION}.${container.name}`];
  const exitCode = isInit && ownExitText === undefined ? 0 : (read(EXIT_CODE_ANNOTATION) ?? 0);
  return {
    runMs: runSeconds === undefined ? undefined : runSeconds * 1000,
    exitCode,
    stopMs: (read(STOP_SECONDS_ANNOTATION) ?? 0) * 1000,
  };
}
