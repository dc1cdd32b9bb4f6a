/** The envelope of every object on the wire: four bytes, then a `runtime.Unknown` that names the kind. */
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

export const PROTOBUF_MAGIC = Buffer.from('k8s\0');

/** Field numbers of `runtime.Unknown`. */
export const UNKNOWN_TYPE_META = 1;
export const UNKNOWN_RAW = 2;
/** `contentEncoding` and `contentType`, both empty: Go writes them always. */
export const UNKNOWN_TAIL = Buffer.from([0x1a, 0x00, 0x22, 0x00]);
