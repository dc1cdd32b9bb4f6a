/** `jsonpatch.escapeKey`, for MutatingAdmissionPolicy (`k8s.io/apiserver/pkg/cel/library/jsonpatch.go`). */
import { globalOverload, type Library } from '../declarations.ts';
import { STRING } from '../types.ts';

const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

export const JSON_PATCH_LIBRARY: Library = {
  name: 'jsonpatch',
  functions: [
    {
      name: 'jsonpatch.escapeKey',
      overloads: [globalOverload('string_jsonpatch_escapeKey_string', [STRING], STRING, escapeKey)],
    },
  ],
};
