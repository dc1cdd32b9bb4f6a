/**
 * The contract of admission plugins (apiserver `pkg/admission/interfaces.go`). Mutating ones run first, then the
 * strategy's validation, then the validating ones; both in the order of `plugins.ts`.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';

export interface AdmissionAttributes {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  resource: Resource;
  subresource: string;
  namespace: string;
  name: string;
  /** A private copy that mutating plugins may change; undefined for DELETE. */
  object: ApiObject | undefined;
  /** Frozen; undefined for CREATE. */
  oldObject: ApiObject | undefined;
  user: UserInfo;
  dryRun: boolean;
  /** Adds a `Warning` header to the response. */
  warn(text: string): void;
  /** The form of `object` and `oldObject` where it is not the kind's own: a Binding, PodExecOptions. */
  form?: ObjectForm;
  /** The request's CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. */
  options?(): Record<string, unknown>;
  /** Keeps a value for the audit log. */
  annotate?(key: string, value: string): void;
  /** Of the mutating plugins of one request. Absent: they run once. */
  reinvocation?: Reinvocation;
}

export interface ObjectForm {
  /** Name in the schema table; `''`: it has none. */
  schema: string;
  kind: string;
  apiVersion: string;
}

/** The mutating plugins run once more when one of them asks for it, as what came later may concern what came earlier. */
export interface Reinvocation {
  isWanted: boolean;
  /** True while they run the second time. */
  isRunning: boolean;
}

export interface AdmissionPlugin {
  name: string;
  /** Changes `attributes.object`. Throws `ApiError` to refuse. */
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  /** Throws `ApiError` to refuse. */
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}
