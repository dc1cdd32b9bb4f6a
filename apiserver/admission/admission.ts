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
}

export interface AdmissionPlugin {
  name: string;
  /** Changes `attributes.object`. Throws `ApiError` to refuse. */
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  /** Throws `ApiError` to refuse. */
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}
