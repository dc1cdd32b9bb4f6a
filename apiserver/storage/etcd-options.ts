/** How the client reaches an etcd cluster. */
import type { IOptions } from 'etcd3';
import type { Clock } from '../../base/clock.ts';

export interface EtcdOptions {
  /** `http://` or `https://` addresses of the members. */
  endpoints: readonly string[];
  /** PEM; all three with `https` endpoints that ask for client certificates. */
  tls?: { ca: Buffer; certificate?: Buffer; key?: Buffer };
}

/** Longer than etcd itself tries to find a leader (7 s), so that its own words arrive. */
const CALL_TIMEOUT_MS = 10_000;
/** A connection whose peer is gone without a word is found out within half a minute. */
const KEEPALIVE_MS = 10_000;

export function clientOptions({ endpoints, tls }: EtcdOptions, clock: Clock): IOptions {
  return {
    hosts: [...endpoints],
    ...(tls === undefined ? {} : { credentials: credentialsOf(tls) }),
    grpcOptions: {
      // A proxy in the environment is for the world outside; grpc-js would ask it for loopback addresses, too.
      'grpc.enable_http_proxy': 0,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_MS,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: clock.now() + CALL_TIMEOUT_MS }),
    // What may be repeated is decided by each call: repeating a write blindly would hide that it had succeeded.
    faultHandling: { global: ONCE, host: () => ONCE },
  };
}

const ONCE = {
  execute: async (attempt: (context: never) => unknown) => attempt({} as never),
} as unknown as NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

function credentialsOf({
  ca,
  certificate,
  key,
}: NonNullable<EtcdOptions['tls']>): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: ca,
    ...(certificate === undefined ? {} : { certChain: certificate }),
    ...(key === undefined ? {} : { privateKey: key }),
  };
}
