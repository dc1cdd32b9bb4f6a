/** Ports of a Service (upstream: `validateServicePort` and the duplicate checks of `ValidateService`). */
import { duplicate, fieldPath, forbidden, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isDns1123Label,
  isQualifiedName,
  isValidPortName,
  isValidPortNum,
} from '../../../machinery/validation.ts';
import type { ServicePort, ServiceSpec } from './spec.ts';

/** `core.supportedPortProtocols` */
export const PORT_PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];

const PORTS = fieldPath('spec', 'ports');

export function validateServicePorts(spec: ServiceSpec): FieldError[] {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  const errors = ports.flatMap((port, i) => {
    const path = PORTS.index(i);
    const nameErrors = validateName(port.name ?? '', ports.length > 1, path.child('name'));
    if (port.name && names.has(port.name)) nameErrors.push(duplicate(path.child('name'), port.name));
    names.add(port.name ?? '');
    return [...nameErrors, ...validatePort(port, path)];
  });
  if (spec.type === 'ClusterIP') {
    ports.forEach(({ nodePort }, i) => {
      if (!nodePort) return;
      errors.push(forbidden(PORTS.index(i).child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
    });
  }
  return [...errors, ...validateUnique(ports)];
}

function validateName(name: string, isRequired: boolean, path: FieldPath): FieldError[] {
  if (name === '') return isRequired ? [required(path)] : [];
  return invalidEach(path, name, isDns1123Label(name));
}

function validatePort({ port = 0, protocol, targetPort, appProtocol }: ServicePort, path: FieldPath): FieldError[] {
  const errors = invalidEach(path.child('port'), port, isValidPortNum(port));
  errors.push(
    ...validateProtocol(protocol, path.child('protocol')),
    ...validatePortNumOrName(targetPort ?? 0, path.child('targetPort')),
  );
  if (appProtocol !== undefined) {
    errors.push(...invalidEach(path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)));
  }
  return errors;
}

export function validateProtocol(protocol: string | undefined, path: FieldPath): FieldError[] {
  if (!protocol) return [required(path)];
  return PORT_PROTOCOLS.includes(protocol) ? [] : [notSupported(path, protocol, PORT_PROTOCOLS)];
}

/** `ValidatePortNumOrName` */
export function validatePortNumOrName(port: number | string, path: FieldPath): FieldError[] {
  return invalidEach(path, port, typeof port === 'number' ? isValidPortNum(port) : isValidPortName(port));
}

/** As upstream's internal type prints it; it compares nothing but these two. */
function internalPort(protocol = '', port = 0): object {
  return { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

function validateUnique(ports: readonly ServicePort[]): FieldError[] {
  const errors: FieldError[] = [];
  const nodePorts = new Set<string>();
  ports.forEach(({ protocol, nodePort }, i) => {
    if (!nodePort) return;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(duplicate(PORTS.index(i).child('nodePort'), nodePort));
    nodePorts.add(key);
  });
  const seen = new Set<string>();
  ports.forEach(({ protocol, port }, i) => {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) errors.push(duplicate(PORTS.index(i), internalPort(protocol, port)));
    seen.add(key);
  });
  return errors;
}
