/** What travels down the handler chain with a request: filled in by the filters in the chain's order. */
import type { ApiRequest, ApiResponse, UserInfo } from '../api/machinery/handler.ts';
import type { MediaType } from './render/negotiate.ts';
import type { RequestInfo } from './request-info.ts';

export interface RequestContext {
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  /** Texts for `Warning` headers, in order, without repetition. */
  warnings: Set<string>;
  /** What the answer is to be, once the request has found its kind. Absent: plain JSON. */
  media?: MediaType;
  /** What admission keeps for the audit log; made by whoever has the first. */
  auditAnnotations?: Map<string, string>;
}

export type Endpoint = (context: RequestContext) => Promise<ApiResponse> | ApiResponse;

export function queryFlag(context: RequestContext, name: string): boolean {
  const value = context.request.query.get(name);
  return value === 'true' || value === '1';
}

/** May answer by itself, change the context, or look at what `next` gives. */
export type Filter = (context: RequestContext, next: Endpoint) => Promise<ApiResponse>;
