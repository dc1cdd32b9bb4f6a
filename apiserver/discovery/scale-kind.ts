/** The kind that `/scale` speaks: autoscaling/v1 Scale. */
export const KIND_OF_SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
