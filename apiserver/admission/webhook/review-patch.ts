/** The JSON patch of a webhook's answer, applied to the object that it was asked about. */
import { internalServerError } from '../../../api/machinery/errors.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import { cloneJson } from '../../../api/patch/json-value.ts';
import type { ObjectChanger } from '../object-changer.ts';
import type { ReviewResponse, ReviewSubject } from './review.ts';
import { WebhookFailure } from './webhook-errors.ts';

export interface PatchTarget {
  name: string;
  subject: ReviewSubject;
  changer: ObjectChanger;
}

/** True when the object has changed. Throws WebhookFailure for what is no patch, ApiError for one that does not fit. */
export async function applyReviewPatch({ patch, patchType }: ReviewResponse, target: PatchTarget): Promise<boolean> {
  const { name, subject, changer } = target;
  if (patch === '') return false;
  const operations = decode(name, patch);
  if (operations.length === 0) return false;
  if (subject.object === undefined) {
    const problem = 'attempted to modify the object, which is not supported for this operation';
    throw internalServerError(`admission webhook ${JSON.stringify(name)} ${problem}`);
  }
  if (patchType !== 'JSONPatch') throw new WebhookFailure(name, `unsupported patch type ${JSON.stringify(patchType)}`);
  return changer.replace(subject.attributes, subject.matched, patched(subject.object, operations));
}

function decode(name: string, patch: string): unknown[] {
  try {
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as unknown;
    if (operations === null) return [];
    if (Array.isArray(operations)) return operations;
    throw new Error('json: cannot unmarshal into Go value of type jsonpatch.Patch');
  } catch (error) {
    throw new WebhookFailure(name, `received undecodable patch in webhook response: ${(error as Error).message}`);
  }
}

function patched(object: object, operations: readonly unknown[]): unknown {
  try {
    return applyJsonPatch(cloneJson(object), operations);
  } catch (error) {
    throw internalServerError((error as Error).message);
  }
}
