/**
 * The libraries that Kubernetes v1.36 adds to the standard one
 * (`k8s.io/apiserver/pkg/cel/environment/base.go`), and those of cel-go that it does not have.
 */
import type { Library } from '../declarations.ts';
import { AUTHORIZER_LIBRARY } from './authorizer.ts';
import { BINDING_LIBRARY } from './bindings.ts';
import { TWO_VARIABLE_LIBRARY } from './comprehensions.ts';
import { ENCODER_LIBRARY } from './encoders.ts';
import { KUBERNETES_LIST_LIBRARY, LIST_LIBRARY } from './lists.ts';
import { MATH_LIBRARY } from './math.ts';
import { NAMED_FORMAT_LIBRARY } from './named-formats.ts';
import { NETWORK_LIBRARY } from './network.ts';
import { OPTIONAL_LIBRARY } from './optionals.ts';
import { QUANTITY_LIBRARY } from './quantity.ts';
import { REGEX_LIBRARY } from './regex.ts';
import { SEMVER_LIBRARY } from './semver.ts';
import { SET_LIBRARY } from './sets.ts';
import { LATER_STRING_LIBRARY, STRING_LIBRARY } from './strings.ts';
import { URL_LIBRARY } from './url.ts';

export const KUBERNETES_LIBRARIES: readonly Library[] = [
  URL_LIBRARY,
  REGEX_LIBRARY,
  KUBERNETES_LIST_LIBRARY,
  AUTHORIZER_LIBRARY,
  OPTIONAL_LIBRARY,
  QUANTITY_LIBRARY,
  STRING_LIBRARY,
  SET_LIBRARY,
  NETWORK_LIBRARY,
  NAMED_FORMAT_LIBRARY,
  TWO_VARIABLE_LIBRARY,
  SEMVER_LIBRARY,
  LIST_LIBRARY,
];

/** For who wants all of the language: an expression that uses them is refused by a Kubernetes API server. */
export const EXTENSION_LIBRARIES: readonly Library[] = [
  BINDING_LIBRARY,
  ENCODER_LIBRARY,
  MATH_LIBRARY,
  LATER_STRING_LIBRARY,
];
