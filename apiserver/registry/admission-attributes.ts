/** A request to the registry as admission plugins see it. */
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { AdmissionAttributes } from '../admission/admission.ts';
import type { ServedKind } from './served-kind.ts';

/** What of it the request says; the rest follows. One of the two objects is there. */
export interface AdmittedRequest extends Pick<
  AdmissionAttributes,
  'operation' | 'object' | 'oldObject' | 'subresource'
> {
  context: {
    user: UserInfo;
    dryRun: boolean;
    warn(text: string): void;
    options?(operation: 'CREATE' | 'UPDATE'): Record<string, unknown>;
    annotate?(key: string, value: string): void;
  };
}

/** Three of these are made for each pod: in one literal, since spreading one into another costs as much as a plugin. */
export function attributesOf(
  kind: ServedKind,
  { operation, object, oldObject, subresource, context }: AdmittedRequest,
): AdmissionAttributes {
  const { namespace = '', name = '' } = (object ?? oldObject)!.metadata;
  return {
    operation,
    object,
    oldObject,
    subresource,
    resource: kind.resource,
    namespace,
    name,
    user: context.user,
    dryRun: context.dryRun,
    warn: (text) => context.warn(text),
    annotate: (key, value) => context.annotate?.(key, value),
    options: () => (operation === 'CREATE' || operation === 'UPDATE' ? (context.options?.(operation) ?? {}) : {}),
    reinvocation: { isWanted: false, isRunning: false },
  };
}
