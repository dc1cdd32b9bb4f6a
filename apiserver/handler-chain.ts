/**
 * The request path. The first filter in the list is the first to see a request and the last to see its response:
 * errors → request info → authentication → (audit) → impersonation → (priority and fairness) → authorization → body →
 * endpoint.
 *
 * **Invariant:** nothing behind authorization runs for a request that was not allowed, and no body is kept for it;
 * errors are made into a Status in one place.
 */
import type { ApiRequest, ApiResponse, Handler } from '../api/machinery/handler.ts';
import * as errors from '../api/machinery/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { ANONYMOUS } from './authn/authenticator.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { forbiddenMessage } from './authz/authorizer.ts';
import { impersonatedUser } from './impersonation.ts';
import { withMaxInFlight } from './max-in-flight.ts';
import type { Endpoint, Filter, RequestContext } from './request-context.ts';
import { requestInfoOf } from './request-info.ts';
import { errorResponse } from './responses.ts';
import { translateStorageError } from './storage-errors.ts';

export interface HandlerChainOptions {
  /** Sees every request first and every answer last. */
  meter: Filter;
  authenticate: Authenticator;
  authorize: Authorizer;
  maxRequestsInFlight: number;
  endpoint: Endpoint;
  log: Logger;
}

export function createHandlerChain(options: HandlerChainOptions): Handler {
  const chain = compose(
    [
      options.meter,
      withErrors(options.log),
      withWarnings,
      withRequestInfo,
      withAuthentication(options.authenticate),
      withImpersonation(options.authorize),
      withMaxInFlight(options.maxRequestsInFlight),
      withAuthorization(options.authorize),
      withBody,
    ],
    options.endpoint,
  );
  return async (request) => chain(newContext(request));
}

function compose(filters: readonly Filter[], endpoint: Endpoint): Endpoint {
  return filters.reduceRight<Endpoint>((next, filter) => (context) => filter(context, next), endpoint);
}

const NO_INFO: RequestContext['info'] = {
  isResourceRequest: false,
  path: '',
  verb: '',
  apiPrefix: '',
  apiGroup: '',
  apiVersion: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  parts: [],
};

function newContext(request: ApiRequest): RequestContext {
  return { request, info: NO_INFO, user: ANONYMOUS, warnings: new Set() };
}

/** Turns what is thrown into a Status. What is no `ApiError` is a fault of ours: logged, and answered without its text. */
function withErrors(log: Logger): Filter {
  return async (context, next) => {
    try {
      return await next(context);
    } catch (error) {
      const told = translateStorageError(error);
      if (told instanceof errors.ApiError) return errorResponse(told);
      log.error('a request failed', {
        verb: context.info.verb,
        path: context.info.path,
        error: error instanceof Error ? error.stack : String(error),
      });
      return errorResponse(errors.internalServerError('an error on the server prevented the request from succeeding'));
    }
  };
}

/** Characters of all warnings from which on each is cut short (apiserver `endpoints/filters/warning.go`). */
const MAX_WARNINGS_LENGTH = 4 * 1024;
const CUT_WARNING_LENGTH = 256;

/** `Warning: 299 - "text"` (RFC 7234). */
const withWarnings: Filter = async (context, next) => {
  const response = await withErrorsPassed(next, context);
  if (context.warnings.size === 0) return response;
  const lines = trimmedWarnings([...context.warnings]).map((text) => `299 - ${quoteWarning(text)}`);
  return { ...response, headers: { ...response.headers, warning: lines } };
};

/** All of them, or cut short as many as fit: whoever is asked about a write may have much to say. */
function trimmedWarnings(texts: readonly string[]): string[] {
  const printable = texts.map((text) => text.replace(NOT_FOR_HEADERS, ' '));
  const total = printable.reduce((length, text) => length + text.length, 0);
  if (total <= MAX_WARNINGS_LENGTH) return printable;
  let left = MAX_WARNINGS_LENGTH;
  return printable
    .map((text) => text.slice(0, CUT_WARNING_LENGTH))
    .filter((text) => {
      left -= text.length;
      return left >= 0;
    });
}

/** Warnings belong on error answers as well. */
async function withErrorsPassed(next: Endpoint, context: RequestContext): Promise<ApiResponse> {
  try {
    return await next(context);
  } catch (error) {
    if (error instanceof errors.ApiError) return errorResponse(error);
    throw error;
  }
}

// eslint-disable-next-line no-control-regex -- control characters are what must not reach a header
const NOT_FOR_HEADERS = /[\u0000-\u001f\u007f-\uffff]/g;

function quoteWarning(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const withRequestInfo: Filter = async (context, next) => {
  const { method, path, query } = context.request;
  try {
    context.info = requestInfoOf(method, path, query);
  } catch {
    throw errors.badRequest('the path is not correctly percent-encoded');
  }
  return next(context);
};

function withAuthentication(authenticate: Authenticator): Filter {
  return async (context, next) => {
    context.user = context.request.user ?? (await authenticate(context.request)) ?? ANONYMOUS;
    return next(context);
  };
}

function withImpersonation(authorize: Authorizer): Filter {
  return async (context, next) => {
    context.user = impersonatedUser(context, authorize) ?? context.user;
    return next(context);
  };
}

function withAuthorization(authorize: Authorizer): Filter {
  return async (context, next) => {
    const { info, user } = context;
    const fieldSelector = context.request.query.get('fieldSelector');
    const attributes = { user, ...info, ...(fieldSelector === null ? {} : { fieldSelector }) };
    const { decision, reason } = authorize(attributes);
    if (decision === 'allow') return next(context);
    const cause = forbiddenMessage(attributes) + (reason === '' ? '' : `: ${reason}`);
    throw errors.forbiddenError({ group: info.apiGroup, resource: info.resource }, info.name, cause);
  };
}

const withBody: Filter = async (context, next) => {
  await context.request.receiveBody?.();
  return next(context);
};
