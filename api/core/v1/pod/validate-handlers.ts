/**
 * Validation of probes and lifecycle hooks (`pkg/apis/core/validation/validation.go validateProbe`,
 * `validateLifecycle`).
 */
import { forbidden, invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isHttpHeaderName,
  isValidPortName,
  isValidPortNum,
  validateNonNegative,
} from '../../../machinery/validation.ts';
import { validateRequiredEnum } from './enums.ts';
import type { AnyContainer, LifecycleHandler, PodSpec, Probe } from './types.ts';

type Handler = Pick<LifecycleHandler, 'exec' | 'httpGet' | 'tcpSocket' | 'sleep'> & Pick<Probe, 'grpc'>;

export function validateProbes(container: AnyContainer, path: FieldPath): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const errors: FieldError[] = [];
  if (livenessProbe) errors.push(...validateRestartingProbe(livenessProbe, path.child('livenessProbe')));
  if (readinessProbe) errors.push(...validateReadinessProbe(readinessProbe, path.child('readinessProbe')));
  if (startupProbe) errors.push(...validateRestartingProbe(startupProbe, path.child('startupProbe')));
  return errors;
}

function validateRestartingProbe(probe: Probe, path: FieldPath): FieldError[] {
  const errors = validateProbe(probe, path);
  if (probe.successThreshold !== 1) {
    errors.push(invalid(path.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  }
  return errors;
}

function validateReadinessProbe(probe: Probe, path: FieldPath): FieldError[] {
  const errors = validateProbe(probe, path);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace != null) {
    errors.push(invalid(path.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes'));
  }
  return errors;
}

const PROBE_NUMBERS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function validateProbe(probe: Probe, path: FieldPath): FieldError[] {
  const errors = validateHandler(probe, path);
  for (const field of PROBE_NUMBERS) {
    if ((probe[field] ?? 0) < 0) errors.push(...validateNonNegative(probe[field], path.child(field)));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace != null && grace <= 0) {
    errors.push(invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0'));
  }
  return errors;
}

export function validateLifecycle(container: AnyContainer, path: FieldPath, spec: PodSpec): FieldError[] {
  const { postStart, preStop, stopSignal } = container.lifecycle ?? {};
  const gracePeriod = spec.terminationGracePeriodSeconds;
  const errors: FieldError[] = [];
  if (postStart) errors.push(...validateHandler(postStart, path.child('postStart'), gracePeriod));
  if (preStop) errors.push(...validateHandler(preStop, path.child('preStop'), gracePeriod));
  if (stopSignal != null) errors.push(...validateStopSignal(stopSignal, path.child('stopSignal'), spec));
  return errors;
}

/** Exactly one handler. */
function validateHandler(handler: Handler, path: FieldPath, gracePeriod?: number): FieldError[] {
  const errors: FieldError[] = [];
  let count = 0;
  const take = (field: keyof Handler, validate: () => FieldError[]): void => {
    if (!handler[field]) return;
    if (count > 0) errors.push(forbidden(path.child(field), 'may not specify more than 1 handler type'));
    else errors.push(...validate());
    count++;
  };
  take('exec', () => (handler.exec!.command?.length ? [] : [required(path.child('exec', 'command'))]));
  take('httpGet', () => validateHttpGet(handler.httpGet!, path.child('httpGet')));
  take('tcpSocket', () => validatePortNumOrName(handler.tcpSocket!.port, path.child('tcpSocket', 'port')));
  take('grpc', () => validatePortNumOrName(handler.grpc!.port, path.child('grpc', 'port')));
  take('sleep', () => validateSleep(handler.sleep!.seconds, path.child('sleep'), gracePeriod));
  if (count === 0) errors.push(required(path, 'must specify a handler type'));
  return errors;
}

function validateHttpGet(action: NonNullable<Handler['httpGet']>, path: FieldPath): FieldError[] {
  const errors = action.path ? [] : [required(path.child('path'))];
  errors.push(...validatePortNumOrName(action.port, path.child('port')));
  errors.push(...validateRequiredEnum('uriScheme', action.scheme, path.child('scheme')));
  for (const { name = '' } of action.httpHeaders ?? []) {
    errors.push(...invalidEach(path.child('httpHeaders'), name, isHttpHeaderName(name)));
  }
  return errors;
}

/** A number as it is, or a name. */
export function validatePortNumOrName(port: unknown, path: FieldPath): FieldError[] {
  if (typeof port === 'string') return invalidEach(path, port, isValidPortName(port));
  const number = typeof port === 'number' ? port : 0;
  return invalidEach(path, number, isValidPortNum(number));
}

function validateSleep(seconds: number | undefined, path: FieldPath, gracePeriod: number | undefined): FieldError[] {
  if (gracePeriod === undefined) return [];
  const value = seconds ?? 0;
  if (value >= 0 && value <= gracePeriod) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
  return [invalid(path, value, detail)];
}

const REAL_TIME_SIGNALS = [
  'SIGRTMIN',
  ...Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${14 - i}`),
  'SIGRTMAX',
];

/** `supportedStopSignalsLinux` and `…Windows`. */
const STOP_SIGNALS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    linux: [
      ...[
        'SIGABRT',
        'SIGALRM',
        'SIGBUS',
        'SIGCHLD',
        'SIGCLD',
        'SIGCONT',
        'SIGFPE',
        'SIGHUP',
        'SIGILL',
        'SIGINT',
        'SIGIO',
      ],
      ...['SIGIOT', 'SIGKILL', 'SIGPIPE', 'SIGPOLL', 'SIGPROF', 'SIGPWR', 'SIGQUIT', 'SIGSEGV', 'SIGSTKFLT', 'SIGSTOP'],
      ...['SIGSYS', 'SIGTERM', 'SIGTRAP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGUSR1', 'SIGUSR2', 'SIGVTALRM'],
      ...['SIGWINCH', 'SIGXCPU', 'SIGXFSZ', ...REAL_TIME_SIGNALS],
    ].sort(),
    windows: ['SIGKILL', 'SIGTERM'],
  }),
);

function validateStopSignal(signal: string, path: FieldPath, spec: PodSpec): FieldError[] {
  const supported = STOP_SIGNALS.get(spec.os?.name ?? '');
  if (supported === undefined) return [forbidden(path, 'may not be set for containers with empty `spec.os.name`')];
  return supported.includes(signal) ? [] : [notSupported(path, signal, supported)];
}
