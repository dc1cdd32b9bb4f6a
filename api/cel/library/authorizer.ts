/**
 * The `authorizer` variable (`k8s.io/apiserver/pkg/cel/library/authz.go`): what a request's user, or a service account,
 * may do. Who evaluates gives the check; it must answer at once.
 */
import { isDns1123Label, isDns1123Subdomain } from '../../machinery/validation.ts';
import { CelError } from '../cel.ts';
import { type FunctionDeclaration, type Library, memberOverload } from '../declarations.ts';
import { BOOL, opaque, type OpaqueType, STRING } from '../types.ts';
import { OpaqueValue } from '../values.ts';

export const AUTHORIZER_TYPE = opaque('kubernetes.authorization.Authorizer');
export const RESOURCE_CHECK_TYPE = opaque('kubernetes.authorization.ResourceCheck');
const PATH_CHECK_TYPE = opaque('kubernetes.authorization.PathCheck');
const GROUP_CHECK_TYPE = opaque('kubernetes.authorization.GroupCheck');
const DECISION_TYPE = opaque('kubernetes.authorization.Decision');

/** What is asked: of a path, or of a resource. */
export interface AuthorizationCheck {
  readonly verb: string;
  /** Instead of the request's user. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface AuthorizationAnswer {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly error?: string;
}

export type Authorize = (check: AuthorizationCheck) => AuthorizationAnswer;

/** A check being put together; each call gives another one. */
class CheckValue extends OpaqueValue {
  readonly typeName: string;
  readonly authorize: Authorize;
  readonly check: Omit<AuthorizationCheck, 'verb'>;

  constructor(type: OpaqueType, authorize: Authorize, check: Omit<AuthorizationCheck, 'verb'>) {
    super();
    this.typeName = type.name;
    this.authorize = authorize;
    this.check = check;
  }

  with(type: OpaqueType, more: Omit<AuthorizationCheck, 'verb'>): CheckValue {
    return new CheckValue(type, this.authorize, { ...this.check, ...more });
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

class DecisionValue extends OpaqueValue {
  readonly typeName = DECISION_TYPE.name;
  readonly answer: AuthorizationAnswer;

  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

/** The value of a variable of type AUTHORIZER_TYPE. */
export function authorizerValue(authorize: Authorize): OpaqueValue {
  return new CheckValue(AUTHORIZER_TYPE, authorize, {});
}

/** The value of `authorizer.requestResource`, of type RESOURCE_CHECK_TYPE. */
export function resourceCheckValue(authorize: Authorize, check: Omit<AuthorizationCheck, 'verb'>): OpaqueValue {
  return new CheckValue(RESOURCE_CHECK_TYPE, authorize, check);
}

function notEmpty(text: string, what: string): string {
  if (text.trim() === '') {
    throw new CelError(`${what} must not be empty`);
  }
  return text;
}

function serviceAccount(authorizer: CheckValue, namespace: string, name: string): CheckValue {
  if (isDns1123Subdomain(name).length > 0) {
    throw new CelError('Invalid service account name');
  }
  if (isDns1123Label(namespace).length > 0) {
    throw new CelError('Invalid service account namespace');
  }
  return authorizer.with(AUTHORIZER_TYPE, { serviceAccount: { namespace, name } });
}

function check(value: CheckValue, verb: string): DecisionValue {
  return new DecisionValue(value.authorize({ ...value.check, verb }));
}

type Narrowing = 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector';

function narrowing(name: Narrowing, id: string): FunctionDeclaration {
  const call = (value: CheckValue, text: string): CheckValue => value.with(RESOURCE_CHECK_TYPE, { [name]: text });
  return { name, overloads: [memberOverload(id, [RESOURCE_CHECK_TYPE, STRING], RESOURCE_CHECK_TYPE, call)] };
}

export const AUTHORIZER_LIBRARY: Library = {
  name: 'authorizer',
  functions: [
    {
      name: 'path',
      overloads: [
        memberOverload(
          'authorizer_path',
          [AUTHORIZER_TYPE, STRING],
          PATH_CHECK_TYPE,
          (value: CheckValue, path: string) => value.with(PATH_CHECK_TYPE, { path: notEmpty(path, 'path') }),
        ),
      ],
    },
    {
      name: 'group',
      overloads: [
        memberOverload(
          'authorizer_group',
          [AUTHORIZER_TYPE, STRING],
          GROUP_CHECK_TYPE,
          (value: CheckValue, group: string) => value.with(GROUP_CHECK_TYPE, { group }),
        ),
      ],
    },
    {
      name: 'serviceAccount',
      overloads: [
        memberOverload('authorizer_serviceaccount', [AUTHORIZER_TYPE, STRING, STRING], AUTHORIZER_TYPE, serviceAccount),
      ],
    },
    {
      name: 'resource',
      overloads: [
        memberOverload(
          'groupcheck_resource',
          [GROUP_CHECK_TYPE, STRING],
          RESOURCE_CHECK_TYPE,
          (value: CheckValue, resource: string) =>
            value.with(RESOURCE_CHECK_TYPE, { resource: notEmpty(resource, 'resource') }),
        ),
      ],
    },
    narrowing('subresource', 'resourcecheck_subresource'),
    narrowing('namespace', 'resourcecheck_namespace'),
    narrowing('name', 'resourcecheck_name'),
    narrowing('fieldSelector', 'authorizer_fieldselector'),
    narrowing('labelSelector', 'authorizer_labelselector'),
    {
      name: 'check',
      overloads: [
        memberOverload('pathcheck_check', [PATH_CHECK_TYPE, STRING], DECISION_TYPE, check),
        memberOverload('resourcecheck_check', [RESOURCE_CHECK_TYPE, STRING], DECISION_TYPE, check),
      ],
    },
    {
      name: 'errored',
      overloads: [
        memberOverload(
          'decision_errored',
          [DECISION_TYPE],
          BOOL,
          ({ answer }: DecisionValue) => answer.error !== undefined,
        ),
      ],
    },
    {
      name: 'error',
      overloads: [
        memberOverload('decision_error', [DECISION_TYPE], STRING, ({ answer }: DecisionValue) => answer.error ?? ''),
      ],
    },
    {
      name: 'allowed',
      overloads: [
        memberOverload('decision_allowed', [DECISION_TYPE], BOOL, ({ answer }: DecisionValue) => answer.allowed),
      ],
    },
    {
      name: 'reason',
      overloads: [
        memberOverload('decision_reason', [DECISION_TYPE], STRING, ({ answer }: DecisionValue) => answer.reason ?? ''),
      ],
    },
  ],
};
