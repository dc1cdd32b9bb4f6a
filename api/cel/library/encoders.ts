/** Base64 (cel-go, ext/encoders.go). Kubernetes does not have it. */
import { CelError } from '../cel.ts';
import { globalOverload, type Library } from '../declarations.ts';
import { BYTES, STRING } from '../types.ts';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function decode(text: string): Uint8Array {
  if (!BASE64.test(text)) {
    throw new CelError('illegal base64 data at input byte 0');
  }
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export const ENCODER_LIBRARY: Library = {
  name: 'encoders',
  functions: [
    { name: 'base64.decode', overloads: [globalOverload('base64_decode_string', [STRING], BYTES, decode)] },
    {
      name: 'base64.encode',
      overloads: [
        globalOverload('base64_encode_bytes', [BYTES], STRING, (bytes: Uint8Array) =>
          Buffer.from(bytes).toString('base64'),
        ),
      ],
    },
  ],
};
